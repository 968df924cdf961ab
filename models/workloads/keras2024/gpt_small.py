"""A decoder of GPT-2's smallest size, 12 layers of 768, that learns each next token.

Not of the benchmark of 2024, whose two language models need a card of 80 GB: this one, with 8 texts
of 256 tokens a step, trains on one of 8 GB. Layers of Keras alone, as many write it.
"""

import collections

from models.datasets import made
from models.workloads.keras2024.optimizers import ADAMW
from models.workloads.workload import Workload

Dimensions = collections.namedtuple(
    "Dimensions", ["words", "tokens", "layers", "heads", "width", "dropout", "epsilon"])


class GptSmall(Workload):
    """Each layer normalizes before it attends and before its two dense layers, as in GPT-2."""

    optimizer = ADAMW
    loss = ("SparseCategoricalCrossentropy", {"from_logits": True})
    metrics = ()
    dimensions = {
        "published": Dimensions(
            words=50257, tokens=256, layers=12, heads=12, width=768, dropout=0.1, epsilon=1e-5),
        "tiny": Dimensions(
            words=500, tokens=16, layers=2, heads=2, width=32, dropout=0.1, epsilon=1e-5),
    }

    def form(self):
        """Return the form of texts of which each next token is to be told."""
        return made.Tokens(self.batch_size, self.own.tokens, self.own.words, classes=None)

    def inputs(self, x, image_data_format):
        """Return the texts, int32 (n, tokens)."""
        return x

    def targets(self, part):
        """Return the following tokens, int32 (n, tokens)."""
        return part.y

    def build(self, keras):
        """Return the network from texts to the logits of each next token."""
        layers, own = keras.keras.layers, self.own
        tokens = keras.input((own.tokens,), "int32")
        embedding = layers.ReversibleEmbedding(
            own.words, own.width, tie_weights=True, embeddings_initializer=self._normal(keras))
        places = keras.keras.ops.cumsum(keras.keras.ops.ones_like(tokens), axis=1) - 1
        x = layers.Add()([
            embedding(tokens),
            layers.Embedding(
                own.tokens, own.width, embeddings_initializer=self._normal(keras))(places),
        ])
        x = layers.Dropout(own.dropout)(x)
        for _ in range(own.layers):
            x = self._layer(keras, x)
        x = layers.LayerNormalization(epsilon=own.epsilon)(x)
        return keras.model(tokens, embedding(x, reverse=True))

    def _layer(self, keras, x):
        layers, own = keras.keras.layers, self.own
        given = layers.LayerNormalization(epsilon=own.epsilon)(x)
        attended = layers.MultiHeadAttention(
            num_heads=own.heads, key_dim=own.width // own.heads, dropout=own.dropout,
            kernel_initializer=self._normal(keras), bias_initializer="zeros",
        )(given, given, use_causal_mask=True)
        x = layers.Add()([x, layers.Dropout(own.dropout)(attended)])
        given = layers.LayerNormalization(epsilon=own.epsilon)(x)
        given = self._dense(keras, 4 * own.width, self._gelu(keras))(given)
        given = self._dense(keras, own.width, None)(given)
        return layers.Add()([x, layers.Dropout(own.dropout)(given)])

    def _dense(self, keras, units, activation):
        return keras.keras.layers.Dense(
            units, activation=activation, kernel_initializer=self._normal(keras),
            bias_initializer="zeros")

    @staticmethod
    def _gelu(keras):
        """Return the GELU by its tanh approximation, which is GPT-2's."""
        return lambda x: keras.keras.ops.gelu(x, approximate=True)

    @staticmethod
    def _normal(keras):
        return keras.keras.initializers.RandomNormal(mean=0.0, stddev=0.02)
