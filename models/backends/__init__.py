"""The Keras backends by their names; each imports its framework when it is loaded, not before."""

from models.backends.cntk import Cntk
from models.backends.jax import Jax
from models.backends.mxnet import Mxnet
from models.backends.tensorflow import TensorFlow
from models.backends.theano import Theano
from models.backends.torch import Torch

BACKENDS = {
    "tensorflow": TensorFlow, "cntk": Cntk, "theano": Theano, "mxnet": Mxnet,
    "jax": Jax, "torch": Torch,
}
