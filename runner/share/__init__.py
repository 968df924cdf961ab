"""A run for others: packed without what says whose it is, and checked by whoever gets it."""
