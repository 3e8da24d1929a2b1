"""The paper's figures from the runs, one file per figure."""
