"""What drives the answer: which parameters (Sobol indices) and which mechanisms (Shapley values) decide who earns what.

`outcomes` is what is explained, `factors` varies parameters over the prior and random draws beside them, `mechanisms`
switches rules off, `found` says in sentences what came out.
"""
