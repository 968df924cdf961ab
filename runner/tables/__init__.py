"""From the store to one tidy table, its cells and their statistics, beside published figures."""
