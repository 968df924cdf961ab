"""The settings that may take several values in one run; the host side reads the same file.

Each has named values, whole numbers from ``least`` on, or both. A value may need a version of
Keras, ``from_keras``.
"""

import json
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "axes.json")


def _read():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


AXES = _read()
