"""The models there are: each folder here with a suite.json is a suite and names its models.

The host side reads the same files.
"""

import collections
import importlib
import json
import os

from models.datasets.facts import DATASETS
from models.workloads.workload import PUBLISHED, Workload

FOLDER = os.path.dirname(os.path.abspath(__file__))
FILE = "suite.json"

# A model's entry, and the suite that holds it.
Registered = collections.namedtuple("Registered", ["suite", "entry"])


class BrokenSuite(Exception):
    """What the suites state does not fit together."""


class BrokenModel(Exception):
    """A model's file does not hold what it must."""


def read(folder=FOLDER):
    """Return what the suites of ``folder`` register, by the models' names.

    The suites come in the order of their names. Raises ``BrokenSuite`` where a name is there
    twice, and where a model trains on a data set that nobody knows.
    """
    found = collections.OrderedDict()
    for suite in _suites(folder):
        for entry in _entries(os.path.join(folder, suite, FILE)):
            _check(suite, entry, found)
            found[entry["name"]] = Registered(suite, entry)
    return found


def workload(name, size=PUBLISHED):
    """Return the named model at a size. Only its own file is imported: a broken one harms no other.

    Raises ``NoSuchSize`` where it has not that size.
    """
    suite, entry = read()[name]
    module = importlib.import_module("models.workloads.{}.{}".format(suite, name))
    found = [
        value for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Workload)
        and value.__module__ == module.__name__  # not one that it builds on
    ]
    if len(found) != 1:
        raise BrokenModel(
            "models/workloads/{}/{}.py: expected one subclass of Workload, found {}".format(
                suite, name, len(found)))
    return found[0](entry, size)


def _suites(folder):
    return sorted(
        name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name, FILE))
    )


def _entries(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["models"]


def _check(suite, entry, found):
    name, dataset = entry["name"], entry["dataset"]
    if name in found:
        raise BrokenSuite("the model {!r} is there twice, in suite {} and in suite {}".format(
            name, found[name].suite, suite))
    if dataset not in DATASETS:
        raise BrokenSuite("suite {}: {}: unknown data set {!r}, known are {}".format(
            suite, name, dataset, ", ".join(sorted(DATASETS))))
