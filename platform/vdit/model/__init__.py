"""Section 4 of the paper, one file per concept."""
