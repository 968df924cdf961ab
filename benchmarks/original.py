"""An example of Keras's own repository, run as it is, and the times of its epochs.

Runs inside an image, on Python 3.5 and up. Argument: JSON with the example's ``source``, its
``model``, the ``seed`` of the data, the ``image_data_format`` of the user's keras.json, and the
number of ``epochs``, which is all that is changed. The example finds synthetic data where Keras
keeps what it has downloaded. Prints one JSON object: the ``seconds`` of each epoch, validation
included, and the ``parameters``.
"""

import gzip
import io
import json
import os
import pickle
import re
import sys
import tarfile
import tempfile
import time

import numpy as np

from models.datasets import babi, load, synthetic

EPOCHS = re.compile(r"^( *(?:nb_epochs?|epochs|EPOCHS) = )\d+$", re.MULTILINE)
PICKLED_BY = 2  # the protocol of the data sets as they are served


def with_epochs(source, epochs):
    """Return an example's source with another number of epochs, and nothing else changed."""
    changed, count = EPOCHS.subn(r"\g<1>{}".format(epochs), source)
    if count != 1:
        raise ValueError("the example states its epochs {} times, not once".format(count))
    return changed


def write_mnist(folder, seed):
    """Write MNIST's files as Keras 2 and Keras 1 look for them."""
    form = load.SYNTHETIC_IMAGES["mnist"]
    train, test = synthetic.images(form, (form.train, form.test), seed)
    np.savez(os.path.join(folder, "mnist.npz"),
             x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    with gzip.open(os.path.join(folder, "mnist.pkl.gz"), "wb", compresslevel=1) as file:
        pickle.dump((train, test), file, PICKLED_BY)


def write_cifar10(folder, seed):
    """Write the batches of CIFAR-10 and the archive that they are taken for."""
    form = load.SYNTHETIC_IMAGES["cifar10"]
    (x, y), test = synthetic.images(form, (form.train, form.test), seed)
    parts = {"data_batch_{}".format(n + 1): (x[n * 10000:(n + 1) * 10000],
                                             y[n * 10000:(n + 1) * 10000]) for n in range(5)}
    batches = os.path.join(folder, "cifar-10-batches-py")
    os.mkdir(batches)
    open(batches + ".tar.gz", "wb").close()
    for name, (images, labels) in dict(parts, test_batch=test).items():
        rows = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)
        with open(os.path.join(batches, name), "wb") as file:
            pickle.dump({b"data": rows, b"labels": labels.tolist()}, file, PICKLED_BY)


def write_babi(folder, seed):
    """Write the archive of the bAbI tasks, with the one that is read."""
    texts = babi.simulate(seed, babi.TRAIN + babi.VALIDATION, babi.TEST)
    with tarfile.open(os.path.join(folder, "babi-tasks-v1-2.tar.gz"), "w:gz") as archive:
        for part, text in zip(("train", "test"), texts):
            name = "tasks_1-20_v1-2/en/qa2_two-supporting-facts_{}.txt".format(part)
            held = tarfile.TarInfo(name)
            encoded = text.encode("ascii")
            held.size = len(encoded)
            archive.addfile(held, io.BytesIO(encoded))


def write_settings(folder, image_data_format):
    """Write what Keras 2 and Keras 1 read of the user's settings."""
    orders = {"channels_first": "th", "channels_last": "tf"}
    settings = {
        "floatx": "float32", "epsilon": 1e-7, "backend": os.environ["KERAS_BACKEND"],
        "image_data_format": image_data_format, "image_dim_ordering": orders[image_data_format],
    }
    with open(os.path.join(folder, "keras.json"), "w") as file:
        json.dump(settings, file)


WRITERS = {
    "mnist_mlp": write_mnist, "mnist_cnn": write_mnist, "mnist_hrnn": write_mnist,
    "cifar10_cnn": write_cifar10, "babi_rnn": write_babi,
}


def time_epochs(kind, seconds):
    """Have Keras's list of callbacks, of class ``kind``, note when each epoch begins and ends."""
    begin, end = kind.on_epoch_begin, kind.on_epoch_end

    def on_epoch_begin(self, epoch, logs=None):
        seconds.append(-time.time())
        begin(self, epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        end(self, epoch, logs)
        seconds[-1] += time.time()

    kind.on_epoch_begin, kind.on_epoch_end = on_epoch_begin, on_epoch_end


def main(argument):
    asked = json.loads(argument)
    home = tempfile.mkdtemp()
    os.environ["HOME"] = home
    folder = os.path.join(home, ".keras", "datasets")
    os.makedirs(folder)
    WRITERS[asked["model"]](folder, asked["seed"])
    write_settings(os.path.dirname(folder), asked["image_data_format"])
    os.chdir(home)  # an example may save its model
    said = os.dup(1)
    os.dup2(2, 1)  # what an example prints is no result
    import keras.callbacks
    seconds = []
    time_epochs(keras.callbacks.CallbackList, seconds)
    found = {"__name__": "__main__"}
    exec(compile(with_epochs(asked["source"], asked["epochs"]), asked["model"], "exec"), found)
    parameters = int(found["model"].count_params())
    result = {"seconds": seconds, "parameters": parameters}
    os.write(said, (json.dumps(result) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1])
