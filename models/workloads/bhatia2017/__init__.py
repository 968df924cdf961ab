"""The five models of Jasmeet Bhatia's comparison of 2017.

The notebooks that the files name are those of github.com/jasmeetsb/deep-learning-keras-projects.
"""
