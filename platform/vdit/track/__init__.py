"""The record of what ran: MLflow, or memory for tests."""
