"""Predictions on disk: the folders and archives that evaluators and servers expect, and what a server says of them."""
