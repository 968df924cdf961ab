"""A job: start -> data -> model -> epochs -> limits -> end, an event after each step."""

import atexit
import collections
import importlib
import os
import platform
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback

import numpy as np

from models import backends, vocabulary
from models.backends import base
from models.datasets import load as data
from models.job import axes, events, limits, phases
from models.job import spec as job_spec
from models.workloads import registry
from models.workloads.workload import InvalidModel

# A part of the data as the network takes it: x and y as its workload's inputs() and targets() give
# them, n rows each.
Prepared = collections.namedtuple("Prepared", ["x", "y"])


# What the vocabulary is asked for whatever the layers are; the rest is about its own layers.
TRAINING_SETTINGS = ("shuffle", "precision", "jit_compile")
# The axes that the job itself acts on, whatever the backend.
ACTED_ON = ("precision", "jit", "phase", "size", "batch_size", "threads", "samples")


def main(arguments):
    """Run the job that the one argument describes and return the exit code."""
    stream = events.take_over_stdout()
    end_when_asked()
    try:
        if len(arguments) != 1:
            raise job_spec.InvalidSpec("expected one argument, the job spec as JSON")
        spec = job_spec.parse(arguments[0])
        run(spec, empty_home(), stream)
    except Exception as error:
        traceback.print_exc()
        stream.error(error)
        return 1
    return 0


def end_when_asked():
    """End at once when asked to, also as a container's first process, which the kernel spares."""
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def empty_home():
    """Return a new folder that goes when the process ends."""
    home = tempfile.mkdtemp(prefix="bench-")
    # Registered before a framework's own clean-up, this runs after it.
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def run(spec, home, stream):
    """Run a job with ``home`` as an empty home folder, its events going to ``stream``."""
    workload = registry.workload(spec.model, spec.size)
    workload.adjust(spec.phase, spec.batch_size, spec.epochs)
    phase = phases.load(spec.phase)
    keras = start(spec, workload, home, stream)
    parts = load(spec, workload, stream)
    model = build(spec, workload, keras, phase, stream)
    tested = phase.run(workload, keras, model, parts, stream)
    tested.update(memory(keras))
    tested["fused_kernels"] = limits.attempt(
        keras.backend.fused_kernels, lambda: phase.step(workload, keras, model, parts))
    stream.emit("limits", **limits.measure(workload, keras, model, parts.train))
    stream.emit("end", **tested)


def start(spec, workload, home, stream):
    """Set the environment, import the framework and Keras, check the device and set the seeds."""
    backend = backends.BACKENDS[spec.backend](spec.device, threads_of(spec))
    cache_dir = spec.cache_dir or home
    cache_warm = _is_warm(backend, cache_dir)
    os.environ.update(environment(spec, home, backend.environment(cache_dir)))
    begin = time.perf_counter()
    keras = vocabulary.load(spec, backend)
    libraries = [library(name, workload) for name in workload.libraries]
    import_seconds = time.perf_counter() - begin
    set_axes(spec, keras)
    _seed(spec.seed, keras)
    stream.emit(
        "start", model=spec.model, backend=spec.backend, versions=_versions(spec, keras, libraries),
        device=keras.backend.device_seen(), seed=spec.seed, cache_warm=cache_warm,
        import_seconds=import_seconds, cpu_model=base.processor(), **spec.axes
    )
    return keras


def set_axes(spec, keras):
    """Give a backend the values of its own axes.

    Raises ``Unsupported`` for a value that nothing acts on: its times would be those of another.
    """
    backend = keras.backend
    for name, value in spec.axes.items():
        is_acted_on = name in ACTED_ON or name in backend.axes
        if not is_acted_on and value != axes.default(name, keras.version):
            raise base.Unsupported(
                "{} {}: {} has no such setting".format(name, value, spec.backend))
    backend.set_axes({name: spec.axes[name] for name in backend.axes})


def library(name, workload):
    """Import what a model needs beside Keras; raise ``Unsupported`` where it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise base.Unsupported("{} needs {}: {}".format(workload.name, name, error))


def threads_of(spec):
    """Return how many threads a backend is to be given, or None for its own default."""
    return None if spec.threads == job_spec.FRAMEWORK else spec.threads


def environment(spec, home, backend_environment):
    """Return the environment variables of a job, all that is read by a framework's import."""
    variables = {
        "HOME": home,  # Keras before version 3 looks for .keras here and nowhere else
        "KERAS_HOME": home,
        "KERAS_BACKEND": spec.backend,
    }
    if threads_of(spec) is not None:
        libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        variables.update(dict.fromkeys(libraries, str(spec.threads)))
    if spec.device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    elif spec.cache_dir is not None:
        variables["CUDA_CACHE_PATH"] = os.path.join(spec.cache_dir, "cuda")
    variables.update(backend_environment)
    return variables


def load(spec, workload, stream):
    """Load the data and bring them into the network's form."""
    begin = time.perf_counter()
    loaded = data.load(workload.dataset, spec, workload.form())
    parts = data.Data(
        *[prepare(workload, part, spec.image_data_format) for part in loaded[:3]],
        sha256=loaded.sha256
    )
    stream.emit(
        "data", source=spec.data, sha256=loaded.sha256, train=len(loaded.train.y),
        validation=len(loaded.validation.y), test=len(loaded.test.y),
        seconds=time.perf_counter() - begin,
    )
    return parts


def prepare(workload, part, image_data_format):
    """Return a part of the data as the network takes it, as ``Prepared``."""
    return Prepared(workload.inputs(part.x, image_data_format), workload.targets(part))


def build(spec, workload, keras, phase, stream):
    """Build and compile the network, and refuse it where it is not the stated one."""
    begin = time.perf_counter()
    model = workload.build(keras)
    keras.compile(model, workload)
    phase.prepare(keras, model)
    seconds = time.perf_counter() - begin
    parameters = model.count_params()
    stream.emit(
        "model", parameters=parameters, expected_parameters=workload.expected_parameters,
        layers=[_layer(layer) for layer in model.layers],
        hyperparameters=hyperparameters(spec, workload, keras, model),
        image_data_format=spec.image_data_format, seconds=seconds,
    )
    check_parameters(parameters, workload)
    return model


def check_parameters(parameters, workload):
    """Raise ``InvalidModel`` where a network of ``parameters`` is not the stated one."""
    if parameters != workload.expected_parameters:
        raise InvalidModel("{}: {} parameters, expected {}".format(
            workload.name, parameters, workload.expected_parameters))


def hyperparameters(spec, workload, keras, model):
    """Return every hyperparameter of the training."""
    return dict(
        _settings(workload, keras, model),
        optimizer=_words(workload.optimizer),
        loss=_words(workload.loss),
        batch_size=workload.batch_size,
        epochs=workload.epochs,
        recurrent_activation=spec.recurrent_activation,
        augmentation=keras.augmentation(workload),
    )


def _settings(workload, keras, model):
    """Return what the layers and the training are given, of a network of its own what it says."""
    settings = keras.settings(model)
    network = workload.network()
    if network is None:
        return settings
    kept = {name: settings[name] for name in TRAINING_SETTINGS if name in settings}
    if workload.dtype is not None:
        kept["dtype"] = workload.dtype
    return dict(kept, network=network)


def _words(given):
    """Return a name, or a class with its settings, or None, as an event says it."""
    return dict(given[1], name=given[0]) if isinstance(given, tuple) else given


def memory(keras):
    """Return the most memory in use at once, of the process and of the card, in bytes."""
    return {
        "gpu_peak_memory_bytes": keras.backend.gpu_peak_memory(),
        "peak_memory_bytes": peak_memory(),
    }


def peak_memory():
    """Return the most memory that this program has held, in bytes.

    ``ru_maxrss`` is of the process: it keeps what a parent held from whom it was forked, through
    the start of another program. The kernel's high-water mark begins anew with the program.
    """
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seed(seed, keras):
    random.seed(seed)
    np.random.seed(seed)
    keras.seed(seed)


def _is_warm(backend, cache_dir):
    """Return whether the backend's compile cache holds something; None where it has none."""
    if backend.cache is None:
        return None
    folder = os.path.join(cache_dir, backend.cache)
    return os.path.isdir(folder) and bool(os.listdir(folder))


def _versions(spec, keras, libraries):
    versions = {module.__name__: module.__version__ for module in libraries}
    return dict(
        versions, python=platform.python_version(), keras=keras.version, numpy=np.__version__,
        **{spec.backend: keras.backend.version()}
    )


def _layer(layer):
    return {
        "class": type(layer).__name__, "name": layer.name, "parameters": layer.count_params(),
    }
