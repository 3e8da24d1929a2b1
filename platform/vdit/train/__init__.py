"""One trial: train, predict, score."""
