"""What the runner keeps on a machine, and how to be rid of it without harm."""
