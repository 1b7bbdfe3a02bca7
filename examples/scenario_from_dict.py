"""A scenario from a dictionary: one category, two apps, one closed and one open lab.

python examples/scenario_from_dict.py
"""

from __future__ import annotations

from moatlab import InputError, Market, Scenario

WORLD = {
    "name": "duel",
    "title": "Two apps on two labs",
    "start": "2023-01",
    "months": 24,
    "users": {"copy": {"name": "Copywriting", "market_size": 10.0}},
    "apps": {
        "startups": 0,
        "entry_rate": 0.0,
        "first": {"category": "copy", "source": "closed", "customers": 0.1, "price": 25.0},
        "second": {"category": "copy", "source": "commons", "customers": 0.05, "price": 15.0},
    },
    "labs": {
        "closed": {"capability": 0.5, "price": 20.0},
        "commons": {"capability": 0.2, "open": True, "parent_budget": 1.0},
    },
    "hosts": {"hub": {}},
    "clouds": {"cloud": {"fleet": 40.0, "finance": 500.0}},
    "chipmakers": {"maker": {"price": 25.0}},
    "foundry": {"fab": {"capacity": 6.0}},
    "outside": {"initial_hours": 22.0},
}


def main() -> None:
    """Run it, vary it, save it, and show what a mistake says."""
    duel = Scenario.from_dict(WORLD)
    for name, scenario in (("as declared", duel), ("stickier", duel.set({"users.copy.switching_cost": 4.0}))):
        run = Market(scenario, rng=1).run()
        shares = run.series("apps.first.share").iloc[[0, 11, 23]].round(2).tolist()
        print(f"{name:12s} share of the first app after 1, 12, 24 months: {shares}")
    print(f"\nAs a file:\n{duel.to_toml()[:180]}...")
    try:
        duel.set({"users.copy.switching_costs": 4.0})
    except InputError as mistake:
        print(f"\nA mistake: {mistake}")


if __name__ == "__main__":
    main()
