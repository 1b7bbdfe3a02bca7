"""Mesa agents: thin views of the market's arrays."""

from moatlab.market.agents.base import Firm
from moatlab.market.agents.kinds import KINDS_OF_FIRM, App, Chipmaker, Cloud, Foundry, Host, Investor, Lab

__all__ = ["KINDS_OF_FIRM", "App", "Chipmaker", "Cloud", "Firm", "Foundry", "Host", "Investor", "Lab"]
