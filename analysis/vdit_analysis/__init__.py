"""What the runs mean: reads tracked runs, never trains, imports no torch."""
