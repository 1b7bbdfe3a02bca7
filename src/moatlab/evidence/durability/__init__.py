"""Moat durability in equal dollars: who gains how much by a moat, for how long, and what feeds or erodes it.

`plan` says what is compared, `worlds` runs one unit (a draw of the prior with a seed of its own) in all its arms,
`response` is the statistics, tested on planted responses without a market, `study` does all units and stores them,
`table` says what they show.  `concentration` has the moats that arise without a grant, `breakdown` what would have to
hold for an advantage to last.
"""
