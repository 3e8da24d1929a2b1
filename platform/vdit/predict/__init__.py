"""A finished trial asked: about the videos of a benchmark, or anybody's."""
