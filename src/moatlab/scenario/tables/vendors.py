"""Parameters of the choice of vendors, of what chipmakers' research buys, and of what lifts a challenger cloud."""

from __future__ import annotations

from moatlab.scenario.registry import Moves, declare

ASSUMED = "assumed"

#: How clouds choose a vendor, what its research buys, and how generations come into production.
VENDORS = [
    declare("chipmakers", "ecosystem", "share of use", 0.0, (0.0, 100.0),
            "Network of developers at month 0: the share of all GPUs in use that are of this kind, which it follows.",
            "essay (Nvidia GPUs are cited 90 times more than the top AI chip startups)",
            Moves("chipmakers.amd.share", +1, (0, 35), who="amd", step=(0.0, 0.5)), scope="firm", state=True),
    declare("chipmakers", "ecosystem_taste", "utils per log", 0.5, (0.0, 100.0),
            "Weight of the log of the share of GPUs in use in the choice of vendor; from 1 on the largest takes all.",
            "essay (software ecosystem); value assumed",
            Moves("chipmakers.hhi", +1, (6, 59), step=(0.1, 0.7))),
    declare("chipmakers", "ecosystem_decay", "share per month", 0.02, (0.0, 1.0),
            "Share of the network of developers that moves to the chips then in use in a month.",
            ASSUMED, Moves("chipmakers.amd.share", -1, (12, 59), step=(0.005, 0.08),
                           given=(("chipmakers.amd.ecosystem", 0.5),))),
    declare("chipmakers", "least_base", "share of use", 0.002, (1e-6, 1.0),
            "Added to the share of GPUs in use: what a chip that nobody uses yet starts from.", ASSUMED,
            Moves("chipmakers.hhi", -1, (6, 59), step=(0.0005, 0.02))),
    declare("chipmakers", "software", "utils", 0.0, (0.0, 100.0),
            "Depth of the maker's software at month 0: libraries and tools that its research has built.", ASSUMED,
            Moves("chipmakers.amd.share", +1, (0, 35), who="amd", step=(0.0, 2.0)), scope="firm", state=True),
    declare("chipmakers", "software_gain", "utils per log", 0.7, (0.0, 10.0),
            "Depth of software that research comes to, per log of 1 + research / `software_scale`.", ASSUMED,
            Moves("chipmakers.hhi", +1, (24, 119), step=(0.2, 0.9))),
    declare("chipmakers", "software_scale", "M$ per month", 20.0, (1e-3, 1e6),
            "Research beyond which the depth of software grows only with its log.", ASSUMED,
            Moves("chipmakers.hhi", -1, (24, 119), step=(5.0, 80.0))),
    declare("chipmakers", "software_decay", "share per month", 0.02, (0.0, 1.0),
            "Share of the depth of software that is outdated in a month.", ASSUMED,
            Moves("chipmakers.amd.share", -1, (6, 59), step=(0.005, 0.08),
                  given=(("chipmakers.amd.software", 3.0),))),
    declare("chipmakers", "portability", "share", 0.0, (0.0, 1.0),
            "Share of the network's weight that portable software takes away; of the depth of software, "
            "`portable_software` of it.", ASSUMED,
            Moves("chipmakers.hhi", -1, (6, 59), step=(0.0, 0.7)), state=True),
    declare("chipmakers", "portable_software", "share", 0.5, (0.0, 1.0),
            "Part of the depth of software that portable software can replace; the rest is drivers and systems.",
            ASSUMED, Moves("chipmakers.hhi", -1, (6, 59), step=(0.0, 1.0), given=(("chipmakers.portability", 0.5),))),
    declare("chipmakers", "company", "word", "", (0, 0),
            "The company that the maker belongs to: its lines share developers and research, and count as one where "
            "clouds choose and in the list price; empty for none.", ASSUMED,
            Moves("chipmakers.amd.share", +1, (0, 35), who="amd", step=("", "joint"),
                  given=(("chipmakers.nvidia.company", "joint"),)), scope="firm", word=True),
    declare("chipmakers", "rnd_budget", "M$ per month", 0.0, (0.0, 1e6),
            "Research that the maker's owners pay for, beside its share of revenue.", ASSUMED,
            Moves("chipmakers.amd.share", +1, (24, 119), who="amd", step=(0.0, 200.0)), scope="firm"),
    declare("chipmakers", "design_cost", "M$", 1500.0, (0.0, 1e6),
            "Research that a whole generation takes; with less of it the step in performance and cost is smaller.",
            ASSUMED, Moves("chipmakers.hhi", +1, (60, 119), step=(0.0, 3000.0))),
    declare("chipmakers", "ramp_months", "months", 9.0, (1.0, 120.0),
            "Months from the launch of a generation until only it is delivered; log-linear.", ASSUMED,
            Moves("market.chip_price", +1, (24, 119), step=(1.0, 18.0))),
    declare("chipmakers", "launched_performance", "H100 equivalents per package", 0.0, (0.0, 1e6),
            "Performance of a generation in production at month 0 that is not yet all that is delivered; 0 for none.",
            ASSUMED, Moves("market.rent", -1, (6, 23), step=(1.0, 2.5)), scope="firm", at_start=True),
    declare("chipmakers", "launched_unit_cost", "k$ per package", 0.0, (0.0, 1e6),
            "Memory, board and test of a package of that generation; 0 for as now.", ASSUMED,
            Moves("market.chip_price", +1, (6, 35), step=(12.0, 30.0),
                  given=(("chipmakers.*.launched_performance", 2.5),)), scope="firm", at_start=True),
    declare("chipmakers", "launched_months", "months", 4.0, (0.0, 120.0),
            "Months for which that generation has been in production at month 0.", "fact C117",
            Moves("market.rent", -1, (0, 11), step=(0.0, 8.0), given=(("chipmakers.*.launched_performance", 2.5),)),
            at_start=True),
    declare("chipmakers", "small_first", "dimensionless", 0.0, (0.0, 10.0),
            "Power by which a smaller share of all fleets raises a cloud's claim on the maker's scarce chips; 0 is "
            "neutral.", "essay (incumbent clouds are the biggest customers and emerging competitors); value assumed",
            Moves("clouds.coreweave.share", +1, (6, 59), who="nvidia", step=(0.0, 1.0)), scope="firm"),
]

#: What lifts a challenger among clouds, beside price, finance and allocation; each is off by default.
CHALLENGERS = [
    declare("clouds", "neutrality", "log", 0.0, (0.0, 20.0),
            "What it is worth to a lab that a cloud's company has no rival lab; 0 is neutral.", ASSUMED,
            Moves("clouds.coreweave.share", +1, (6, 59), step=(0.0, 2.0))),
    declare("clouds", "contract_weight", "share", 0.0, (0.0, 1.0),
            "Part of the way from its own spread to the secured one that lenders go for a cloud that sells to labs "
            "alone, under contract; 0 is neutral.", "essay (cost of capital of smaller clouds); value assumed",
            Moves("market.full_unit_cost", -1, (6, 59), step=(0.0, 1.0))),
    declare("clouds", "secured_spread", "1/year", -0.12, (-1.0, 5.0),
            "Cost of capital beyond that of firms at large where contracts are the collateral.", ASSUMED,
            Moves("market.full_unit_cost", +1, (6, 59), step=(-0.12, -0.05), given=(("clouds.contract_weight", 1.0),))),
]
