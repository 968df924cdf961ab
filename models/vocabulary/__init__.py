"""What the models say, in the words of Keras 1.2, 2.0 and 3."""
