"""The parts of Stable Diffusion 1 in layers of Keras alone.

The benchmark took them from KerasCV 0.8.2, which cannot be had for a Keras of today. Each part is a
network of its own within the whole, so that the whole has few layers.
"""

EPSILON = 1e-5  # of every normalization


class Parts(object):
    """Makes the parts for one vocabulary; ``groups`` is the groups that channels are normalized in.

    Each part takes tensors and returns one.
    """

    def __init__(self, keras, groups):
        self._keras = keras.keras
        self._layers = keras.keras.layers
        self._ops = keras.keras.ops
        self._groups = groups

    def convolution(self, x, filters, kernel=3):
        """Return x with other channels: (n, side, side, channels) to (n, side, side, filters)."""
        return self._layers.Conv2D(filters, kernel, padding="same")(x)

    def halved(self, x, filters, padding):
        """Return x at half its side; ``padding`` is that of zeros before a 3 x 3 convolution."""
        x = self._layers.ZeroPadding2D(padding)(x)
        return self._layers.Conv2D(filters, 3, strides=2, padding="valid")(x)

    def doubled(self, x):
        """Return x at twice its side, each pixel repeated, and convolved."""
        return self.convolution(self._layers.UpSampling2D(2)(x), x.shape[-1])

    def normalized(self, x):
        """Return x normalized and through the swish function."""
        x = self._layers.GroupNormalization(groups=self._groups, epsilon=EPSILON)(x)
        return self._layers.Activation("swish")(x)

    def residual(self, x, filters, time=None):
        """Return x plus two convolutions of it, between which the embedded time is added."""

        def body(x, *time):
            inner = self.convolution(self.normalized(x), filters)
            for each in time:
                embedded = self._layers.Dense(filters)(self._layers.Activation("swish")(each))
                inner = inner + self._layers.Reshape((1, 1, filters))(embedded)
            inner = self.convolution(self.normalized(inner), filters)
            kept = x if x.shape[-1] == filters else self.convolution(x, filters, kernel=1)
            return kept + inner

        return self._part(body, x, *([] if time is None else [time]))

    def attention(self, x):
        """Return x plus what each of its places takes from all others, in one head."""

        def body(x):
            _, rows, columns, width = x.shape
            given = self._layers.GroupNormalization(groups=self._groups, epsilon=EPSILON)(x)
            query, key, value = (
                self._layers.Reshape((rows * columns, width))(self.convolution(given, width, 1))
                for _ in range(3)
            )
            taken = self._attended(query, key, value, width)
            taken = self._layers.Reshape((rows, columns, width))(taken)
            return self.convolution(taken, width, kernel=1) + x

        return self._part(body, x)

    def transformer(self, x, text, heads):
        """Return x plus a layer that attends to x itself, then to the text, then has two dense."""

        def body(x, text):
            _, rows, columns, width = x.shape
            inner = self._layers.GroupNormalization(groups=self._groups, epsilon=EPSILON)(x)
            inner = self.convolution(inner, width, kernel=1)
            inner = self._layers.Reshape((rows * columns, width))(inner)
            given = self._layer_normalized(inner)
            inner = inner + self._heads(given, given, heads)
            inner = inner + self._heads(self._layer_normalized(inner), text, heads)
            inner = inner + self._gated(self._layer_normalized(inner))
            inner = self._layers.Reshape((rows, columns, width))(inner)
            return self.convolution(inner, width, kernel=1) + x

        return self._part(body, x, text)

    def _layer_normalized(self, x):
        return self._layers.LayerNormalization(epsilon=EPSILON)(x)

    def _heads(self, x, other, heads):
        width = x.shape[-1]
        query, key, value = (
            self._split(self._layers.Dense(width, use_bias=False)(tensor), heads)
            for tensor in (x, other, other)
        )
        taken = self._attended(query, key, value, width // heads)
        taken = self._layers.Reshape((x.shape[1], width))(self._layers.Permute((2, 1, 3))(taken))
        return self._layers.Dense(width)(taken)

    def _split(self, x, heads):
        """Return (n, steps, width) as (n, heads, steps, width of one)."""
        _, steps, width = x.shape
        x = self._layers.Reshape((steps, heads, width // heads))(x)
        return self._layers.Permute((2, 1, 3))(x)

    def _attended(self, query, key, value, width):
        """Return the values that each query takes by its likeness to the keys."""
        scores = self._ops.matmul(query, self._ops.swapaxes(key, -1, -2)) * width ** -0.5
        return self._ops.matmul(self._ops.softmax(scores, axis=-1), value)

    def _gated(self, x):
        """Return two dense layers with four times the width between, one half gating the other."""
        width = x.shape[-1]
        inner, gate = self._ops.split(self._layers.Dense(8 * width)(x), 2, axis=-1)
        return self._layers.Dense(width)(inner * self._ops.gelu(gate, approximate=True))

    def _part(self, body, *tensors):
        """Return what a part makes of tensors, as one layer."""
        inputs = [self._layers.Input(each.shape[1:], dtype=each.dtype) for each in tensors]
        return self._keras.Model(inputs, body(*inputs))(list(tensors))
