"""A trial's score files."""
