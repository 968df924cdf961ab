"""The five models as scripts that know nothing of measuring: Keras' own loop and a stopwatch.

Runs inside an image, on Python 3.5 and up and on Keras 1.2 (the MLP only), 2.0 and 3. The data are
noise in the right shapes: what is learnt does not matter to the time. Arguments: model, samples,
epochs, threads, image data format. Prints the seconds of each epoch as one JSON list.

Only CIFAR-10 under Keras 3 borrows from the project: the class that shifts and flips images, which
is input and no measuring.
"""

import json
import os
import sys
import time

NAME, SAMPLES, EPOCHS, THREADS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
FORMAT = sys.argv[5]
for variable in (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NPROC",
    "MXNET_CPU_WORKER_NTHREADS",
):
    os.environ[variable] = str(THREADS)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from keras.callbacks import Callback  # noqa: E402

GENERATION = int(keras.__version__.split(".")[0])
BACKEND = keras.backend.backend()
RECURRENT = "sigmoid" if GENERATION == 3 else "hard_sigmoid"

if GENERATION > 1:
    keras.backend.set_image_data_format(FORMAT)
if BACKEND == "tensorflow":
    import tensorflow as tf

    if GENERATION == 3:
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    else:
        keras.backend.set_session(
            tf.Session(
                config=tf.ConfigProto(
                    intra_op_parallelism_threads=THREADS,
                    inter_op_parallelism_threads=max(THREADS, 2),  # with one it does not learn
                )
            )
        )


class Stopwatch(Callback):
    """Times epochs as the tutorials do."""

    def __init__(self):
        super(Stopwatch, self).__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = time.time()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.time() - self._begin)


random = np.random.RandomState(0)


def noise(*shape):
    """Return noise in a shape, as pixels."""
    return random.rand(*shape).astype("float32")


def words(count, length):
    """Return numbers of words."""
    return random.randint(0, 36, (count, length)).astype("int32")


def classes(count, number=10):
    """Return one-hot labels."""
    return np.eye(number, dtype="float32")[random.randint(0, number, count)]


def image(rows, channels):
    """Return the shape of an image."""
    return (channels, rows, rows) if FORMAT == "channels_first" else (rows, rows, channels)


def lstm(units):
    """Return an LSTM with the project's recurrent activation."""
    return layers.LSTM(units, recurrent_activation=RECURRENT)


def mnist_mlp():
    net = keras.models.Sequential(
        [
            layers.Dense(512, activation="relu", input_shape=(784,)),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return net, lambda count: (noise(count, 784), classes(count)), 128, 6, "rmsprop"


def mnist_cnn():
    net = keras.models.Sequential(
        [
            layers.Conv2D(32, (3, 3), activation="relu", input_shape=image(28, 1)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return net, lambda count: (noise(count, *image(28, 1)), classes(count)), 128, 6, "adadelta"


def cifar10_cnn():
    block = []
    for filters in (32, 64):
        shape = {"input_shape": image(32, 3)} if not block else {}
        block += [
            layers.Conv2D(filters, (3, 3), padding="same", activation="relu", **shape),
            layers.Conv2D(filters, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.25),
        ]
    net = keras.models.Sequential(
        block
        + [
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    return net, lambda count: (noise(count, *image(32, 3)), classes(count)), 32, 5, "rmsprop"


def mnist_hrnn():
    rows = layers.Input((28, 28, 1))
    x = lstm(128)(layers.TimeDistributed(lstm(128))(rows))
    net = keras.models.Model(rows, layers.Dense(10, activation="softmax")(x))
    return net, lambda count: (noise(count, 28, 28, 1), classes(count)), 32, 6, "rmsprop"


def babi_rnn():
    story, question = layers.Input((552,), dtype="int32"), layers.Input((5,), dtype="int32")
    told = layers.Dropout(0.3)(layers.Embedding(36, 50)(story))
    asked = lstm(50)(layers.Dropout(0.3)(layers.Embedding(36, 50)(question)))
    both = layers.add([told, layers.RepeatVector(552)(asked)])
    x = layers.Dropout(0.3)(lstm(50)(both))
    net = keras.models.Model([story, question], layers.Dense(36, activation="softmax")(x))
    return net, lambda n: ([words(n, 552), words(n, 5)], classes(n, 36)), 32, 19, "adam"


def augmented(x, y, batch):
    """Return shifted and flipped batches, and the arguments that say how many make an epoch."""
    shifts = {"width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True}
    if GENERATION == 3:
        from models.datasets import augmentation

        batches = augmentation.Batches(x, y, batch, shifts, FORMAT)
        return (augmentation.as_dataset(batches, keras.utils.PyDataset),), {}
    from keras.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator(**shifts).flow(x, y, batch_size=batch)
    return (flow,), {"steps_per_epoch": len(y) // batch}


net, part, batch, share, optimizer = globals()[NAME]()
compiled = {"jit_compile": BACKEND == "jax"} if GENERATION == 3 else {}
net.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"], **compiled)
x, y = part(SAMPLES)
stopwatch = Stopwatch()
options = {
    "epochs" if GENERATION > 1 else "nb_epoch": EPOCHS,
    "verbose": 0,
    "callbacks": [stopwatch],
    "validation_data": part(max(1, SAMPLES // share)),
}
if NAME == "cifar10_cnn":
    data, steps = augmented(x, y, batch)
    fit = net.fit if GENERATION == 3 else net.fit_generator
    fit(*data, **dict(options, **steps))
else:
    net.fit(x, y, batch_size=batch, **options)
sys.stdout.write("\n" + json.dumps(stopwatch.seconds) + "\n")
