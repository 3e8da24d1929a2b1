"""The paper's tables from the runs, one file per table."""
