"""What is measured, one file per quantity."""
