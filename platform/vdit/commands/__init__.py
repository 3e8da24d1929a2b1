"""One file per command of `vdit`."""
