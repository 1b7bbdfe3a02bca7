"""Names in addresses of firms that the market generates, from their identities."""

from __future__ import annotations

#: Cohort index from which generated firms of month 0 count, so that a further named firm shifts no startup's draws.
GENERATED = 1 << 20
#: Index within a category from which those count that are there at the start; entrants of month 0 count from 0.
START = 1 << 19


def unpack(packed: int) -> tuple[int, int, int]:
    """The (kind, birth month, index) that `moatlab.market.state.identity.identity` packed."""
    return packed >> 48, (packed >> 32) & 0xFFFF, packed & 0xFFFFFFFF


def generated_slug(category: str, packed: int) -> str:
    """Name in addresses of a generated firm: category, month of birth (or "start"), index in its cohort."""
    _, birth, index = unpack(packed)
    index &= GENERATED - 1
    return f"{category}-start-{index - START}" if index >= START else f"{category}-{birth:03d}-{index}"
