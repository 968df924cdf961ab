"""What is run with a real framework: ``checks.py [[CHECK, ARGUMENT, ...], ...]`` in JSON.

For each check it prints FOUND or FAILED and what was found, or why not, in JSON.
"""

import functools
import json
import sys
import time
import traceback

import numpy as np

from models import backends
from models import vocabulary as generations
from models.datasets import babi
from models.datasets import load as data
from models.job import flops, limits
from models.job import spec as job_spec
from models.workloads import registry

SHORT = 4  # tokens of a story


def job_of(model, backend, **changes):
    """Return the spec of a job on the CPU."""
    return job_spec.parse(
        json.dumps(
            {
                "model": model,
                "backend": backend,
                "device": "cpu",
                "data": "synthetic",
                "data_dir": None,
                "cache_dir": None,
                "epochs": 1,
                "samples": 8,
                "seed": 7,
                "threads": 2,
                "image_data_format": "channels_last",
                "recurrent_activation": "sigmoid",
                "precision": "float32",
                "jit": "auto",
                "phase": "train",
                "size": "published",
                "batch_size": None,
                **changes,
            }
        )
    )


def vocabulary(model, backend, **changes):
    """Return the workload and the vocabulary of the installed Keras."""
    spec = job_of(model, backend, **changes)
    loaded = backends.BACKENDS[backend](spec.device, spec.threads)
    return registry.workload(model, spec.size), generations.load(spec, loaded)


def parameters(model, size):
    """Return (parameters, shapes of the outputs) of a network of which no weight is made.

    In this scope Keras keeps the shapes of variables and gives them no values. KerasHub's tasks
    compile themselves when they are made, with an optimizer whose first variable has a value.
    """
    workload, keras = vocabulary(model, "jax", size=size)
    for task in ("TextClassifier", "CausalLM") if workload.libraries else ():
        getattr(keras.hub.models, task).compile = lambda *_, **__: None
    with keras.keras.StatelessScope(initialize_variables=False):
        network = workload.build(keras)
    return [network.count_params(), [list(output.shape) for output in network.outputs]]


def predicted(model, backend):
    """Return (shape, whether all is finite) of what a tiny network says of 8 samples, untrained.

    Of one that generates texts, whether each is of the vocabulary and begins with its prompt.
    """
    workload, keras = vocabulary(model, backend, size="tiny")
    made = data.load(workload.dataset, job_of(model, backend, size="tiny"), workload.form())
    network = workload.build(keras)
    keras.compile(network, workload)
    x = workload.asked(workload.inputs(made.train.x, "channels_last"))
    told = workload.predict(keras, network, x)
    if not isinstance(told, list):
        said = np.asarray(told)
        return [list(said.shape), bool(np.isfinite(said.astype("float32")).all())]
    texts = np.concatenate([np.asarray(text) for text in told])
    given = x["padding_mask"].astype(bool)
    kept = bool((texts == x["token_ids"])[given].all())
    return [list(texts.shape), kept and bool(0 <= texts.min() <= texts.max() < workload.own.words)]


def fused_kernels(backend):
    """Return the fused kernels that ran in one step of an attention, and in one of an LSTM."""
    told = []
    _, keras = vocabulary("mnist_hrnn", backend)
    for kind in ("attention", "lstm"):
        given = keras.input((4, 8), "float32")
        attention = keras.keras.layers.MultiHeadAttention(2, 4)
        made = attention(given, given) if kind == "attention" else keras.lstm(4)(given)
        network = keras.model(given, made)
        x = np.ones((2, 4, 8), "float32")
        keras.predict_batch(network, x)
        step = functools.partial(keras.predict_batch, network, x)
        told.append(keras.backend.fused_kernels(step))
    return told


def write_out_loops(keras):
    """Make the LSTM layers write out their loop, whose body is else counted once."""
    lstm = keras.lstm

    def unrolled(units):
        layer = lstm(units)
        layer.unroll = True
        return layer

    keras.lstm = unrolled


def xla(model):
    """Return (our count, ours with each loop's body once, XLA's) of a model for one sample.

    Stories are short here, so that the products are not lost in the elementwise work on them.
    """
    import jax

    babi.STORY_TOKENS = SHORT
    workload, keras = vocabulary(model, "jax")
    network = workload.build(keras)

    def shapes_of_one_step(layer):
        given, made = keras.shapes(layer)
        if type(layer).__name__ in ("LSTM", "TimeDistributed"):
            given = (*given[:-2], 1, given[-1])
        return given, made

    ours, theirs = counts(jax, keras, network)
    return [ours, flops.forward(network.layers, shapes_of_one_step), theirs]


def xla_lstm(steps, width, units):
    """Return (our count, XLA's with the loop, XLA's with the loop written out) of an LSTM."""
    import jax

    found = []
    for unroll in (False, True):
        _, keras = vocabulary("mnist_hrnn", "jax")
        if unroll:
            write_out_loops(keras)
        given = keras.input((int(steps), int(width)), "float32")
        network = keras.model(given, keras.lstm(int(units))(given))
        ours, theirs = counts(jax, keras, network)
        found.append(theirs)
    return [ours, *found]


def counts(jax, keras, network):
    """Return our count and XLA's of a network for one sample."""
    given = [np.zeros((1, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs]
    weights = [weight.value for weight in network.trainable_variables]
    others = [weight.value for weight in network.non_trainable_variables]

    def forward(weights, others, given):
        return network.stateless_call(weights, others, given, training=False)[0]

    compiled = jax.jit(forward).lower(weights, others, given).compile()
    analysis = compiled.cost_analysis()
    return flops.forward(network.layers, keras.shapes), int(analysis["flops"])


def tensorflow1(model):
    """Return (our count, the profiler's by kind of operation) of a model for one sample.

    The profiler needs every shape, and counts the body of a loop once.
    """
    import tensorflow

    babi.STORY_TOKENS = SHORT
    workload, keras = vocabulary(model, "tensorflow")
    write_out_loops(keras)
    network = workload.build(keras)
    for tensor in network.inputs:
        tensor.set_shape([1, *tensor.shape[1:]])
    options = tensorflow.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    trace = traced(tensorflow, network)
    graph = tensorflow.get_default_graph()
    root = tensorflow.profiler.profile(graph, run_meta=trace, cmd="op", options=options)
    kinds = {}
    while root.children:
        root = root.children[0]
        kinds[root.name] = root.float_ops
    return [flops.forward(network.layers, keras.shapes), kinds]


def traced(tensorflow, network):
    """Return the trace of a forward pass, which knows the shapes that the graph leaves open.

    The graph is run as it is: optimized, it would lack nodes, and so their shapes.
    """
    from keras import backend

    trace = tensorflow.RunMetadata()
    inputs = {tensor: np.zeros([int(n) for n in tensor.shape]) for tensor in network.inputs}
    feed = {backend.learning_phase(): False, **inputs}
    as_it_is = tensorflow.OptimizerOptions(opt_level=tensorflow.OptimizerOptions.L0)
    graph_options = tensorflow.GraphOptions(optimizer_options=as_it_is)
    session = tensorflow.Session(config=tensorflow.ConfigProto(graph_options=graph_options))
    session.run(tensorflow.global_variables_initializer())
    session.run(
        network.outputs,
        feed,
        options=tensorflow.RunOptions(trace_level=tensorflow.RunOptions.FULL_TRACE),
        run_metadata=trace,
    )
    return trace


def product(backend):
    """Return the rate and size of the fastest product, and the seconds of a small and a large.

    Each is the least of several: other work on this machine only adds. By one thread: two wait for
    each other at the end of each product, a scheduler's turn long where a core is busy.
    """
    loaded = backends.BACKENDS[backend]("cpu", 1).load()
    rate, size = limits.peak(loaded)
    seconds = []
    for matrix in (np.ones((n, n), "float32") for n in (128, 1024)):
        multiply = loaded.matrix_product(matrix)
        multiply()
        times = []
        for _ in range(9):
            begin = time.perf_counter()
            multiply()
            times.append(time.perf_counter() - begin)
        seconds.append(min(times))
    return [rate, size, *seconds]


def precision(backend, name):
    """Return what a backend says of a precision, and what a dense layer computes in it.

    That is its greatest error against the same in double precision, as a part of it; its outputs;
    and the types of what it keeps.
    """
    _, keras = vocabulary("mnist_mlp", backend, precision=name)
    keras.seed(7)
    random = np.random.RandomState(0)
    given = random.random_sample((8, 784)).astype("float32")
    inputs = keras.input((784,), "float32")
    network = keras.model(inputs, keras.dense(16, None)(inputs))
    kernel = np.asarray(network.get_weights()[0], "float64")
    exact = given.astype("float64") @ kernel
    outputs = np.asarray(keras.predict_batch(network, given), "float64")
    error = float(np.abs(outputs - exact).max() / np.abs(exact).max())
    kept = sorted({str(np.asarray(weight).dtype) for weight in network.get_weights()})
    return [keras.backend.precision_seen(), error, outputs.tolist(), kept]


def compiled(backend, jit):
    """Return whether Keras compiles a network's steps."""
    workload, keras = vocabulary("mnist_mlp", backend, jit=jit)
    network = workload.build(keras)
    keras.compile(network, workload)
    return bool(network.jit_compile)


def synchronization(backend, wait):
    """Return the seconds to queue long work, to (perhaps) synchronize, and to have its result."""
    workload, keras = vocabulary("mnist_mlp", backend)
    network = workload.build(keras)
    queue, finish = {"jax": jax_work, "mxnet": mxnet_work}[backend](network)
    times = [time.perf_counter()]
    queue()
    times.append(time.perf_counter())
    if wait == "synchronize":
        keras.synchronize(network)
    times.append(time.perf_counter())
    finish()
    times.append(time.perf_counter())
    return list(np.diff(times))


def jax_work(network):
    """Return functions that queue products which end in a weight, and that wait for it."""
    import jax

    @jax.jit
    def long(value):
        return jax.lax.fori_loop(0, 60, lambda _, x: x @ value / 512, value)

    weight = network.weights[2]  # 512 x 512
    start = jax.numpy.ones((512, 512))
    long(start).block_until_ready()  # compiled

    def queue():
        value = start
        for _ in range(8):
            value = long(value)
        weight._value = value

    return queue, lambda: weight.value.block_until_ready()


def mxnet_work(network):
    """Return functions that queue products, and that wait for the last one's result."""
    import mxnet

    start = mxnet.nd.ones((1024, 1024))
    results = [mxnet.nd.dot(start, start)]
    mxnet.nd.waitall()

    def queue():
        for _ in range(60):
            results.append(mxnet.nd.dot(results[-1], start) / 1024)

    return queue, lambda: results[-1].wait_to_read()


def main(asked):
    """Make each check, one after the other, and print what came of it."""
    for name, *arguments in asked:
        try:
            said = "FOUND", globals()[name](*arguments)
        except Exception:
            said = "FAILED", traceback.format_exc()
        # Frameworks print before it and after it.
        sys.stdout.write(f"\n{said[0]} {json.dumps(said[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
