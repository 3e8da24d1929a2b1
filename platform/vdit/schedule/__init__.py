"""Ray: which trial runs where and when."""
