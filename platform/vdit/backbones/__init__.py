"""Frozen (or random) networks whose features are read, one file each."""
