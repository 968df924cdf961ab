"""A configuration or a model of one's own: made, and checked."""
