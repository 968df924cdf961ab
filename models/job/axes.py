"""The settings that may take several values in one run; the host side reads the same file.

Each has named values, whole numbers from ``least`` on, or both; where it ``is_optional``, None
stands for the model's own. A value may need a version of Keras, ``from_keras``. What each key
means: ``Axis`` of runner/spec/axes.py.
"""

import collections
import json
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "axes.json")


def _read():
    with open(PATH, encoding="utf-8") as file:
        # A dict of Python 3.5 keeps no order, and the first value is the default.
        return json.load(file, object_pairs_hook=collections.OrderedDict)


AXES = _read()


def default(name, keras):
    """Return the value of an axis that asks for nothing, under this version of Keras.

    None for an axis of numbers that declares none.
    """
    axis = AXES[name]
    if "default" in axis or "least" in axis:
        return axis.get("default")
    major = int(keras.split(".")[0])
    return next(value for value, of in axis["values"].items() if of.get("from_keras", 1) <= major)
