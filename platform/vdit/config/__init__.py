"""What a trial is: frozen, torch-free configuration, its canonical form and its key."""
