"""Data sets as they are distributed, converted to the files that vdit/benchmarks reads. One conversion per file."""
