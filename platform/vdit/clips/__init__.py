"""From a benchmark's videos to samples: which frames, what geometry and colour, and where every random number comes from. NumPy only."""
