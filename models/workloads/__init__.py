"""The models, a folder per suite: a file per model, and suite.json with what the host must know."""
