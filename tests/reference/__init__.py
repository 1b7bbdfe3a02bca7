"""The hot phases agent by agent, in ordinary Mesa style and plain Python: the oracle of the compiled rules.

Nothing here imports a compiled rule.  Read these files to see each rule; `test_oracle.py` holds them against the
market at every month of a ten-year run.
"""
