"""What this machine has, and who uses it."""
