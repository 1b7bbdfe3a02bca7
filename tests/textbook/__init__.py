"""Textbook markets, run through the market itself and held against independent answers; see README.md."""
