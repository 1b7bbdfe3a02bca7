"""How a scenario fits what is known: targets, the report on them, the prior, and each layer's loop gain."""
