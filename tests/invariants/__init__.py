"""What holds in every market, on random scenarios."""
