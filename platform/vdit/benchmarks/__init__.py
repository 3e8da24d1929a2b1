"""Data sets of referring video object segmentation, one card and loader per file."""
