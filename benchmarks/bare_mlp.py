"""The MNIST MLP as a script that knows nothing of this project: Keras' own loop and a stopwatch.

Runs inside an image, on Python 3.5 and up and on Keras 1.2, 2.0 and 3. Prints the seconds of each
epoch as one JSON list. Arguments: samples, epochs, threads.
"""

import json
import os
import sys
import time

samples, epochs, threads = (int(argument) for argument in sys.argv[1:])
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(threads)

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.callbacks import Callback  # noqa: E402
from keras.layers import Dense, Dropout  # noqa: E402
from keras.models import Sequential  # noqa: E402
from keras.optimizers import RMSprop  # noqa: E402

GENERATION = int(keras.__version__.split(".")[0])

if GENERATION < 3 and keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    keras.backend.set_session(tf.Session(config=tf.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)))


class Stopwatch(Callback):
    """Times epochs as the tutorials do."""

    def __init__(self):
        super(Stopwatch, self).__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._begin = time.time()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.time() - self._begin)


def part(count, random):
    """Return noise in the shape of MNIST: what is learnt does not matter to the time."""
    x = random.rand(count, 784).astype("float32")
    return x, np.eye(10, dtype="float32")[random.randint(0, 10, count)]


random = np.random.RandomState(0)
x_train, y_train = part(samples, random)
validation = part(max(1, samples * 10000 // 60000), random)
model = Sequential([
    Dense(512, activation="relu", input_shape=(784,)),
    Dropout(0.2),
    Dense(512, activation="relu"),
    Dropout(0.2),
    Dense(10, activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(), metrics=["accuracy"])
stopwatch = Stopwatch()
counted = {"epochs" if GENERATION > 1 else "nb_epoch": epochs}
model.fit(x_train, y_train, batch_size=128, verbose=0, validation_data=validation,
          callbacks=[stopwatch], **counted)
sys.stdout.write("\n" + json.dumps(stopwatch.seconds) + "\n")
