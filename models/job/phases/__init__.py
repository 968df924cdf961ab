"""What a job does once its network is built, a file for each: its name is the phase's.

``prepare(keras, model)`` compiles what the phase needs; ``run(workload, keras, model, parts,
stream)`` does the phase, an event after each epoch, and returns fields of the ``end`` event;
``step(workload, keras, model, parts)`` does one more step of it, which nothing times.
"""

import importlib


def load(name):
    """Return the module of the named phase."""
    return importlib.import_module("models.job.phases." + name)
