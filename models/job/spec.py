"""The job spec: what a job is asked to do, checked before anything is imported."""

import collections
import json

from models import backends
from models.job.axes import AXES
from models.workloads import registry
from models.workloads.workload import NoSuchSize, numbers

CHOICES = {
    "backend": tuple(sorted(backends.BACKENDS)),
    "device": ("cpu", "gpu"),
    "data": ("synthetic", "digits", "real"),
    "image_data_format": ("channels_first", "channels_last"),
    "recurrent_activation": ("hard_sigmoid", "sigmoid"),
}
CHOICES.update({name: tuple(axis["values"]) for name, axis in AXES.items() if "values" in axis})
LEAST = {"epochs": 1, "seed": 0}
LEAST.update({name: axis["least"] for name, axis in AXES.items() if "least" in axis})
# In place of a number of threads: every framework's own default, and no variable that sets one.
FRAMEWORK = "framework"
MOST = {"seed": 2 ** 32 - 1}  # what numpy accepts
FOLDERS = ("data_dir", "cache_dir")
OPTIONAL = {"epochs"}.union(FOLDERS, (name for name in AXES if AXES[name].get("is_optional")))
KEYS = sorted({"model"}.union(CHOICES, LEAST, FOLDERS))


class InvalidSpec(ValueError):
    """The job spec is not one; the message says which key and why."""


class JobSpec(collections.namedtuple("JobSpec", KEYS)):
    """What a job is asked to do, checked."""

    @property
    def axes(self):
        """The values of the axes, by their names."""
        return {name: getattr(self, name) for name in AXES}


def parse(text):
    """Return the job spec that ``text`` holds as JSON.

    Raises ``InvalidSpec`` for a text that is none, and ``BrokenSuite`` where the models that it
    may name cannot be told.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InvalidSpec("the job spec is not JSON: {}".format(error))
    if not isinstance(given, dict):
        raise InvalidSpec("the job spec must be a JSON object")
    _check_keys(given)
    registered = registry.read()
    choices = dict(CHOICES, model=tuple(registered))
    for key in KEYS:
        _check_value(key, given[key], choices)
    if given["data"] != "synthetic" and given["data_dir"] is None:
        raise InvalidSpec("data_dir: needed where data is {!r}".format(given["data"]))
    _check_size(registered[given["model"]].entry, given["size"])
    return JobSpec(**given)


def _check_size(entry, size):
    try:
        numbers(entry, size)
    except NoSuchSize as error:
        raise InvalidSpec("size: {}".format(error))


def _check_keys(given):
    unknown = sorted(set(given) - set(KEYS))
    missing = sorted(set(KEYS) - set(given))
    if unknown:
        raise InvalidSpec("unknown keys: {}".format(", ".join(unknown)))
    if missing:
        raise InvalidSpec("missing keys: {}".format(", ".join(missing)))


def _check_value(key, value, choices):
    if value is None and key in OPTIONAL:
        return
    if isinstance(value, str) and value in choices.get(key, ()):
        return
    if key in LEAST:
        _check_number(key, value)
    elif key in choices:
        raise InvalidSpec("{}: {!r} is not one of {}".format(key, value, ", ".join(choices[key])))
    elif not isinstance(value, str) or not value:
        raise InvalidSpec("{}: expected the path of a folder, not {!r}".format(key, value))


def _check_number(key, value):
    # JSON's true and false are integers to Python.
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidSpec("{}: expected a whole number, not {!r}".format(key, value))
    if value < LEAST[key]:
        raise InvalidSpec("{}: {} is less than {}".format(key, value, LEAST[key]))
    if value > MOST.get(key, value):
        raise InvalidSpec("{}: {} is more than {}".format(key, value, MOST[key]))
