"""Weights that others published, in the files this project reads."""
