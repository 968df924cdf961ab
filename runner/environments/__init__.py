"""Where jobs find their packages and data: locks become images or virtual environments."""
