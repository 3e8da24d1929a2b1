"""The store of frozen computations that several trials share."""
