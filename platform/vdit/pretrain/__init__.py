"""Pretraining of the miniature: what its backbones learn before a study freezes them, and what they are then found to know."""
