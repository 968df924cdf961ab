"""What is true of the data whoever trains on them; the host side reads the same file.

Of each data set: how many samples it has for training, for validation and for test, among how many
classes they are, and which sources have it. Where the unit is "batches", these are batches of the
model that the data are made for, and the model says the classes.
"""

import json
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "datasets.json")


def _read():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


DATASETS = _read()
