"""Scoring anyone's predictions, one file per protocol (interface.md, `vdit score`)."""
