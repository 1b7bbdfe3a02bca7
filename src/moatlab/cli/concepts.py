"""What people ask for in words of their own, and the parameters and metrics behind it.

A row has the words, in lower case and the commonest first; what they mean here; and the names to look at.  Each name is
a parameter (`kind.name`), a metric (an address, or `<layer>.name`), or a name that `moatlab explain` knows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concept:
    """Words that people use, and where to look."""

    words: tuple[str, ...]
    meaning: str
    see: tuple[str, ...]


CONCEPTS: tuple[Concept, ...] = (
    Concept(
        ("supply of chips", "chip supply", "supply of gpus", "gpu supply", "chips", "gpus"),
        "what the foundry can start, less what is delayed, becomes GPUs after the chipmakers' building time; orders "
        "beyond that wait",
        ("foundry.capacity", "foundry.availability", "foundry.expansion_speed", "foundry.construction_lag",
         "chipmakers.own_fab", "chipmakers.allocation", "chipmakers.build_months", "market.deliveries",
         "market.backlog", "market.lead_time"),
    ),
    Concept(
        ("demand for chips", "chip orders", "gpu demand"),
        "clouds order GPUs for the hours that are asked for and announced at the full unit cost, within their finance",
        ("clouds.order_speed", "clouds.expected_fall", "clouds.q_response", "clouds.finance", "outside.growth",
         "market.full_unit_cost", "market.utilisation"),
    ),
    Concept(
        ("price of a gpu", "gpu price", "price of gpus", "chip price", "price of chips"),
        "list price of an accelerator; a GPU-hour's price is the rent",
        ("market.chip_price", "chipmakers.price", "chipmakers.price_rise", "chipmakers.markup", "market.rent"),
    ),
    Concept(
        ("scarcity", "shortage", "scarce"),
        "GPU-hours are scarce while capacity binds; the rent then exceeds running cost and markup",
        ("market.scarcity_rent", "market.utilisation", "market.unserved", "foundry.capacity"),
    ),
    Concept(
        ("compute", "gpu-hours", "gpu hours", "supply of compute"),
        "GPU-hours that clouds rent out; the market for them clears every month",
        ("market.hours_capacity", "market.hours_sold", "market.rent", "clouds.fleet", "compute.switching_rate"),
    ),
    Concept(
        ("market share", "shares", "market shares"),
        "a firm's part of its layer's revenue",
        ("<layer>.<slug>.share", "<layer>.top1", "<layer>.hhi"),
    ),
    Concept(
        ("hhi", "herfindahl", "herfindahl index", "concentration", "market concentration"),
        "sum of squared revenue shares, from 0 to 1; agencies multiply it by 10,000",
        ("<layer>.hhi", "<layer>.effective_firms", "users.<category>.hhi"),
    ),
    Concept(
        ("winner-take-all", "winner take all", "tipping", "monopoly"),
        "concentration that feeds on itself: users who attract users, data that improves models, scale in capital",
        ("users.network_taste", "labs.data_gain", "investors.lab_stake", "<layer>.hhi", "<layer>.top1"),
    ),
    Concept(
        ("gross margin", "margin", "margins"),
        "gross profit over revenue, before depreciation",
        ("<layer>.gross_margin", "<layer>.<slug>.margin", "apps.margin_median", "apps.margin_best"),
    ),
    Concept(
        ("profit", "profits", "operating profit", "value capture", "value accrual"),
        "four measures, which may disagree: economic profit, which comes first, operating profit, gross profit after "
        "depreciation, value added",
        ("<layer>.economic_profit", "<layer>.economic_share", "<layer>.operating_profit",
         "<layer>.gross_profit_after_depreciation", "<layer>.value_added", "<layer>.profit_share",
         "<layer>.value_share"),
    ),
    Concept(
        ("economic profit", "economic profits", "residual income", "economic value added"),
        "what is left after every cost, the cost of the capital tied up included; training, research, features, "
        "marketing, designs of chips and plant are capital in every layer alike (docs/measure.md)",
        ("<layer>.economic_profit", "<layer>.generative_profit", "<layer>.economic_share", "<layer>.capital",
         "<layer>.amortisation", "owners.<owner>.economic_profit", "<layer>.<slug>.economic_profit"),
    ),
    Concept(
        ("owner", "owners", "consolidated", "by owner", "conglomerate"),
        "the company that firms belong to: a lab with its apps, a cloud with its chips; startups together are one row",
        ("owners.<owner>.economic_profit", "owners.<owner>.income_lost", "owners.<owner>.income_won", "apps.owner",
         "labs.company", "clouds.company", "clouds.own_chip"),
    ),
    Concept(
        ("price of tokens", "token price", "api price", "price of a model", "price of an api"),
        "list price of a model's tokens; customers may negotiate",
        ("labs.price", "labs.price_rule", "labs.negotiation", "labs.api_price", "market.unit_token_price"),
    ),
    Concept(
        ("worth of tokens", "demand for tokens", "use of tokens", "elasticity of use"),
        "customers use tokens while they are worth their price and the customer's time; more with better models",
        ("users.usage_value", "users.usage_elasticity", "users.usage_growth", "users.usage_ceiling",
         "users.reference_price", "users.choke_price", "users.time_price", "market.tokens"),
    ),
    Concept(
        ("inference cost", "inference costs", "cost of inference", "serving cost"),
        "what a token costs to serve",
        ("labs.serving_hours", "labs.serving_exponent", "labs.serving_efficiency", "labs.serving_cost",
         "apps.inference_share"),
    ),
    Concept(
        ("training cost", "training costs", "cost of training", "training run", "training"),
        "GPU-hours of a training run, and what labs spend on them",
        ("labs.reference_hours", "labs.training_share", "labs.run_months", "labs.training"),
    ),
    Concept(
        ("graduation", "in-house model", "in-house models", "own model", "make or buy", "vertical integration"),
        "an app replaces an API by a model of its own where that pays over its horizon",
        ("apps.graduation", "apps.graduation_horizon", "apps.finetune_cost", "apps.team_cost", "apps.graduations",
         "apps.own_model_share"),
    ),
    Concept(
        ("open models", "open source", "open weights", "commoditization", "commoditisation"),
        "models whose weights are published, which hosts and apps run without paying the lab",
        ("labs.open", "labs.leak_half_life", "hosts.licence_share", "labs.open_gap", "hosts.tokens"),
    ),
    Concept(
        ("lock-in", "lock in", "switching costs", "switching", "stickiness"),
        "what keeps a customer with a seller",
        ("users.switching_cost", "users.depth_gain", "compute.switching_rate", "compute.gravity_gain",
         "apps.attachment", "apps.churn"),
    ),
    Concept(
        ("churn", "retention", "customer churn"),
        "customers who leave an app, and those who stay",
        ("apps.churn", "users.hazard_tourist", "users.hazard_committed", "users.tourist_share",
         "users.<category>.churn"),
    ),
    Concept(
        ("network effects", "network effect"),
        "a product is worth more to its users the more of them there are",
        ("users.network_taste", "<layer>.hhi"),
    ),
    Concept(
        ("cac", "customer acquisition", "acquisition cost", "ltv", "lifetime value", "marketing"),
        "what a new customer costs and brings",
        ("apps.acquisition_cost", "apps.lifetime_value", "apps.marketing_share", "apps.awareness_gain"),
    ),
    Concept(
        ("cost of capital", "interest rate", "discount rate", "funding", "venture capital", "rounds"),
        "capital from outside: rounds of apps, labs and hosts; owners of infrastructure",
        ("investors.cost_of_capital", "investors.commitments", "investors.hype", "clouds.capital_spread",
         "investors.funding", "investors.dry_powder"),
    ),
    Concept(
        ("hype", "bubble"),
        "mood of investors and users, in standard deviations from normal",
        ("investors.hype", "investors.hype_feedback", "users.hype_weight", "market.hype"),
    ),
    Concept(
        ("depreciation", "life of a gpu", "useful life"),
        "straight line, over the life of GPUs, buildings and fabs",
        ("<layer>.depreciation", "clouds.life", "foundry.life"),
    ),
    Concept(
        ("entry", "entrants", "startups", "exit"),
        "firms that enter and exit",
        ("apps.entry_rate", "apps.entry_hype", "apps.startups", "<layer>.entries", "<layer>.exits", "<layer>.firms"),
    ),
    Concept(
        ("competition", "crowding", "substitution"),
        "how readily customers choose another product",
        ("users.crowding", "users.nest_correlation", "users.price_taste", "apps.routing_sharpness",
         "compute.rent_sharpness", "chipmakers.vendor_sharpness"),
    ),
    Concept(
        ("consumer surplus", "welfare", "surplus"),
        "what customers of apps and outside buyers of GPU-hours gain beyond what they pay; with profits it is welfare",
        ("market.consumer_surplus", "market.outside_surplus", "market.surplus", "users.<category>.consumer_surplus"),
    ),
    Concept(
        ("suppliers", "supplier"),
        "firms outside the stack whom its firms pay for everything but models, GPU-hours, chips and packages: staff, "
        "power, buildings, memory, advertising, payment fees",
        ("app overhead", "marketing", "lab staff", "running cost", "buildings", "components", "construction"),
    ),
    Concept(
        ("parents", "parent"),
        "companies behind labs, incumbents' apps and clouds, who cover deficits and receive profits",
        ("lab grant", "app support", "cloud finance", "app remittance", "cloud payout", "labs.parent_budget"),
    ),
    Concept(
        ("government", "tax", "levy", "excise"),
        "receives charges on sales that a rule from outside sets (docs/excise.md)",
        ("apps levy", "labs levy", "clouds levy"),
    ),
)  # fmt: skip


def concepts(name: str) -> list[Concept]:
    """The concepts that go by these words."""
    words = " ".join(name.lower().split())
    return [concept for concept in CONCEPTS if words in concept.words]
