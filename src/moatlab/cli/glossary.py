"""Names in tables and experiment files that are neither parameters nor metrics: where each occurs, and what it is.

Parameters are explained by the registry, metrics by `moatlab.results.metrics`, moats by `moatlab.scenario.moats`.
"""

from __future__ import annotations

#: Place, then name and meaning.
GLOSSARY: dict[str, dict[str, str]] = {
    "column of a run's tables": {
        "seed": "seed of all random draws of the run; equal seeds give equal draws",
        "month": "month of the run; 0 is the scenario's first",
        "date": "the month by the calendar: year-month, as in 2025-01",
        "layer": "apps, labs, hosts, clouds, chipmakers or foundry",
        "kind": "the firm's layer (firms); the kind of payment (payments, ledger)",
        "slug": "the firm's name in addresses; a generated startup's is category, month of birth, number",
        "name": "display name",
        "category": "category of customers; of an app, the category that it serves",
        "named": "whether the scenario names the firm; false for generated startups",
        "payer": "who pays: a firm, its layer, or users, outside, investors, parents, suppliers, government",
        "payee": "who receives; as payer",
        "amount": "M$ in the month",
        "pool": "where the money entered the stack: users, funding, outside, owners or credit",
        "age": "months since joining (retention)",
        "retention": "share of the customers who joined in that month and are still with the app at that age",
        "income": "M$ that the layer's firms received in the months asked for (origins)",
    },
    "pool of money": {
        "users": "what customers of apps pay",
        "funding": "rounds, grants and support of apps, labs and hosts, and their cash of month 0",
        "outside": "what other computing pays for GPU-hours",
        "owners": "what owners put into clouds, chipmakers and the foundry, and their cash of month 0",
        "credit": "what nobody paid: bills left unpaid at exit, overdrafts of a month",
    },
    "column of a batch's tables": {
        "key": "digest of everything that determines a run",
        "arm": "the arm of the experiment: a control or a treatment",
        "point": "number of the point of the design",
        "replication": "number of the replication; runs of one replication and point share their random draws",
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
        "low": "lower bound: 5th percentile of the runs (levels), or of the interval of the mean (effects)",
        "high": "upper bound, as low",
        "pairs": "pairs (point, replication) that have a value in every arm compared",
    },
    "column of verdicts and effects": {
        "contrast": "the difference that is tested: an arm less the control, or what the file declares",
        "baseline": "mean of the arms that are compared with",
        "estimate": "mean of the pairs' differences, in the outcome's unit",
        "bootstrap_low": "lower bound of the interval by the studentised bootstrap",
        "bootstrap_high": "upper bound, as bootstrap_low",
        "p": "two-sided P value of no difference, by Student's t",
        "dz": "mean of the pairs' differences over their standard deviation",
        "relative": "estimate / size of the baseline",
        "pairing": "variance of the contrast with independent random draws over its variance with shared ones",
        "unit": "what counts as an independent unit: draws of the parameters, or seeds",
        "draws": "draws of the parameters",
        "seeds": "seeds of each draw",
        "lost": "pairs left out, mostly because a value is missing",
        "caution": "why the interval may be too narrow",
        "predicted": "predicted sign: higher, lower, none or open",
        "smallest": "smallest effect of interest, in the outcome's unit",
        "tag": "kind of claim: input (assumed), mechanical (follows from an equation) or emergent",
        "p_decision": "P value of the decision that the data come closest to, taken alone",
        "p_holm": "the same, corrected for the family by Holm's method",
        "p_verdict": "P of the verdict: the same, corrected for earlier looks; a verdict needs 1 - confidence or less",
        "look": "number of the look at this outcome and contrast; looking at new runs is a new look",
        "look_share": "share of the error rate that this look may use",
        "finding": "above, below or within the smallest effect of interest, identical in every pair, or undecided",
        "verdict": "supported, contradicted, no effect, the same, undecided; rises, falls where nothing was predicted",
        "agreeing": "share of the draws, or seeds, whose own contrast has the finding of the mean",
        "reason": "reason for the verdict, in a line",
    },
    "verdict": {
        "supported": "the effect has the predicted sign and exceeds the smallest effect of interest; or none was "
        "predicted and it is smaller than that",
        "contradicted": "the effect has the opposite sign, or none was predicted and there is one",
        "no effect": "the effect is smaller than the smallest effect of interest",
        "rises": "no sign was predicted, and the outcome is higher by more than the smallest effect of interest",
        "falls": "no sign was predicted, and the outcome is lower by more than the smallest effect of interest",
        "the same": "the runs do not differ in any pair",
        "undecided": "the interval of the effect reaches across the smallest effect of interest: more seeds would "
        "decide (moatlab plan)",
        "mechanical": "tag of a claim whose sign follows from an equation, so that its size is what is reported",
        "emergent": "tag of a claim that feedback between firms decides",
        "smallest effect of interest": "the size below which an effect does not matter, stated before the run",
    },
    "column of sensitivities": {
        "parameter": "address of the parameter",
        "mu": "Morris: mean elementary effect, the change of the outcome over the parameter's whole range",
        "mu_star": "Morris: mean of the absolute elementary effects",
        "sigma": "Morris: standard deviation of the elementary effects",
        "first": "Sobol: share of the outcome's variance due to the parameter alone",
        "total": "Sobol: the same, with all its interactions",
        "one": "Sobol: first parameter of a pair",
        "other": "Sobol: second parameter of the pair",
        "second": "Sobol: share of the variance due to the interaction of the pair",
    },
    "reduction of an outcome's months": {
        "mean": "mean of the months; of a ratio of two flows, the sum of the one over the sum of the other, undefined "
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
        "chips_share": "the same of chipmakers and foundry alone",
    },
}


GLOSSARY["column of origins"] = {
    f"stayed of {pool}": f"share of each dollar of the pool {pool} that the layer received and did not pass on"
    for pool in GLOSSARY["pool of money"]
}


def meanings(name: str) -> list[str]:
    """What the name means, a line for each place where it occurs; bounds of an interval by the name without them."""
    base = name.removesuffix("_low").removesuffix("_high")
    ends = "" if base == name else f"{'lower' if name.endswith('_low') else 'upper'} bound of the interval of "
    exact = [f"{name}, {place}: {names[name]}" for place, names in GLOSSARY.items() if name in names]
    return exact or [f"{name}, {place}: {ends}{names[base]}" for place, names in GLOSSARY.items() if base in names]
