"""Scoring of anyone's predictions, by the rules of the public evaluators."""
