"""The commands, a module each: options, and one call."""
