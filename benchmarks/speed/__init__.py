"""How fast the project itself is, each figure beside a reference measured in the same run."""
