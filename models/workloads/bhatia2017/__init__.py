"""The five models of the comparison of 2017."""
