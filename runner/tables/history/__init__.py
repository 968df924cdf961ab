"""What the runs of weeks say of one cell: its figure run by run, and the steps in it."""
