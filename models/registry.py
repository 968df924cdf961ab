"""The models there are: workloads.json names them, and the host side reads the same file."""

import importlib
import json
import os

from models.workload import Workload

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workloads.json")


class BrokenModel(Exception):
    """A model's file does not hold what it must."""


def _read():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


_CONTENT = _read()
DATASETS = _CONTENT["datasets"]
_ENTRIES = {entry["name"]: entry for entry in _CONTENT["models"]}
NAMES = tuple(entry["name"] for entry in _CONTENT["models"])


def workload(name):
    """Return the named model. Only its own file is imported: a broken one harms no other."""
    module = importlib.import_module("models." + name)
    found = [
        value for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Workload)
        and value.__module__ == module.__name__  # not one that it builds on
    ]
    if len(found) != 1:
        raise BrokenModel("models/{}.py: expected one subclass of Workload, found {}".format(
            name, len(found)))
    return found[0](_ENTRIES[name])
