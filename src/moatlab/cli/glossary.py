"""Names in tables and experiment files that are neither parameters nor metrics: where each stands, and what it is.

Parameters are explained by the registry, metrics by `moatlab.results.metrics`, moats by `moatlab.scenario.moats`.
"""

from __future__ import annotations

#: Place, then name and meaning.
GLOSSARY: dict[str, dict[str, str]] = {
    "column of a run's tables": {
        "seed": "the seed of all luck in the run; equal seeds are equal luck",
        "month": "month of the run; 0 is the scenario's first",
        "layer": "apps, labs, hosts, clouds, chipmakers or foundry",
        "kind": "the firm's layer (firms); the kind of payment (payments, ledger)",
        "slug": "the firm's name in addresses; a generated startup's is category, month of birth, number",
        "name": "the name to show",
        "category": "category of customers; of an app, that which it serves",
        "named": "whether the scenario names the firm; false for generated startups",
        "payer": "who pays: a firm, its layer, or users, outside, investors, parents, suppliers",
        "payee": "who receives, as payer",
        "amount": "M$ in the month",
        "pool": "whose money it is: users, funding, outside, owners or credit",
        "age": "months since joining (retention)",
        "retention": "share of the average customer who joined in that month and is still with the app at that age",
        "income": "M$ that the layer's firms received in the months asked for (origins)",
    },
    "pool of money": {
        "users": "what customers of apps pay",
        "funding": "rounds, grants and support of apps, labs and hosts, and their cash of month 0",
        "outside": "what demand for GPU-hours from outside generative AI pays",
        "owners": "what owners put into clouds, chipmakers and the foundry, and their cash of month 0",
        "credit": "what nobody paid: bills that an exit leaves, overdrafts of a month",
    },
    "column of a batch's tables": {
        "key": "digest of all that decides a run",
        "arm": "the arm of the experiment: a control or a treatment",
        "point": "number of the point of the design",
        "replication": "number of the replication; runs of one replication and point share their luck",
        "status": "done, failed, timeout, died, or missing for a run that is not stored",
        "seconds": "wall-clock seconds of the run",
        "error": "what went wrong, in a line",
        "traceback": "where it went wrong",
        "outcome": "the outcome, by its name in the experiment's file",
        "metric": "address of a metric",
        "value": "the outcome of the run, or the metric in the month",
        "runs": "runs that have a value",
        "mean": "mean of the runs, or of the pairs' differences",
        "median": "median of the runs",
        "low": "lower end: 5 % of the runs (levels), of the interval of the mean (effects)",
        "high": "upper end, as low",
        "pairs": "pairs (point, replication) that have a value in every arm compared",
    },
    "column of verdicts and effects": {
        "contrast": "the difference that is judged: an arm less the control, or what the file declares",
        "baseline": "mean of the arms that are compared with",
        "estimate": "mean of the pairs' differences, in the outcome's unit",
        "bootstrap_low": "lower end of the interval by the studentised bootstrap",
        "bootstrap_high": "upper end, as bootstrap_low",
        "p": "two-sided P value of no difference, by Student's t",
        "dz": "mean of the pairs' differences in their standard deviations",
        "relative": "estimate / size of the baseline",
        "pairing": "variance of the contrast with independent luck over its variance with shared luck",
        "unit": "what further runs would add to: draws of the parameters, or seeds",
        "draws": "draws of the parameters",
        "seeds": "seeds of each draw",
        "lost": "pairs left out, most of them for want of a value",
        "caution": "why the interval may be too narrow",
        "predicted": "sign that was predicted: higher, lower, none or open",
        "smallest": "smallest effect of interest, in the outcome's unit",
        "tag": "what kind of answer it can be: input, mechanical or emergent",
        "p_decision": "P value of the decision that the data come closest to, if it stood alone",
        "p_holm": "the same, corrected for the family by Holm's method",
        "p_verdict": "P of the verdict: the same, corrected for earlier looks too; it stands at 1 - confidence",
        "look": "number of the look at this outcome and contrast; runs that no look had seen make a new one",
        "look_share": "share of the level of error that this look may use",
        "finding": "above, below or within the smallest effect of interest, the same in every pair, or undecided",
        "verdict": "supported, contradicted, no effect, the same, undecided; rises, falls where nothing was predicted",
        "agreeing": "share of the draws, or seeds, whose own contrast lies where the mean's does",
        "reason": "why the verdict, in a line",
    },
    "column of sensitivities": {
        "parameter": "address of the parameter",
        "mu": "Morris: mean elementary effect, the change of the outcome over the parameter's whole range",
        "mu_star": "Morris: mean of the elementary effects' sizes",
        "sigma": "Morris: standard deviation of the elementary effects",
        "first": "Sobol: share of the outcome's variance by the parameter alone",
        "total": "Sobol: the same with all interactions in which it takes part",
        "one": "Sobol: first parameter of a pair",
        "other": "Sobol: second parameter of the pair",
        "second": "Sobol: share of the variance by the pair's interaction",
    },
    "reduction of an outcome's months": {
        "mean": "mean of the months; of a ratio of two flows the sum of the one over the sum of the other, undefined "
        "where the other stays below its floor: 1,000 dollars, one customer, a million tokens, one GPU-hour a month",
        "sum": "sum of the months",
        "first": "the first month",
        "last": "the last month",
        "min": "the smallest month",
        "max": "the largest month",
        "median": "median of the months",
        "std": "standard deviation of the months",
    },
    "statistic of a target": {
        "mean": "mean of the months",
        "sum": "sum of the months",
        "largest": "the largest of the months",
        "ratio_to_first": "the largest over the first month's value",
        "last_to_first": "the last month's value over the first's",
        "change": "mean of the months over the mean of the base",
        "infrastructure_share": "clouds', chipmakers' and foundry's part of all layers' dollars of that kind, each "
        "counted by the generative share of GPU-hours",
    },
}


GLOSSARY["column of origins"] = {
    f"stayed of {pool}": f"of a dollar that the pool {pool} brought in, what the layer received and paid to no other"
    for pool in GLOSSARY["pool of money"]
}


def meanings(name: str) -> list[str]:
    """What the name means, a line for each place where it stands; the ends of an interval by the name without them."""
    base = name.removesuffix("_low").removesuffix("_high")
    ends = "" if base == name else f"{name.rpartition('_')[2]} end of the interval of "
    exact = [f"{name}, {place}: {names[name]}" for place, names in GLOSSARY.items() if name in names]
    return exact or [f"{name}, {place}: {ends}{names[base]}" for place, names in GLOSSARY.items() if base in names]
