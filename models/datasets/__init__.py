"""The data that the models train on: real files, digits, or synthetic of the same form."""
