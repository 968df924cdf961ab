"""From tables to what people and other programs read."""
