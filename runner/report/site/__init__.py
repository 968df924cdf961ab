"""Static pages from many runs: an index, a page for each run, model and study."""
