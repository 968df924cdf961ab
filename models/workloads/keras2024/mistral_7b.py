"""Mistral with 7 billion parameters: the benchmark's "Mistral fit" and "Mistral generate"."""

import collections

from models.workloads.keras2024.causal_lm import CausalLm

Dimensions = collections.namedtuple("Dimensions", [
    "words", "tokens", "generated", "layers", "query_heads", "key_value_heads", "width",
    "inner_width", "window"])


class Mistral7B(CausalLm):
    """KerasHub's Mistral: 32 layers of 4096, four queries to a key."""

    task = "MistralCausalLM"
    dimensions = {
        "published": Dimensions(
            words=32000, tokens=128, generated=50, layers=32, query_heads=32, key_value_heads=8,
            width=4096, inner_width=14336, window=4096),
        "tiny": Dimensions(
            words=500, tokens=16, generated=10, layers=2, query_heads=4, key_value_heads=2,
            width=32, inner_width=64, window=64),
    }

    def backbone(self, keras):
        """Return the network without the logits."""
        own = self.own
        return keras.hub.models.MistralBackbone(
            vocabulary_size=own.words, num_layers=own.layers, num_query_heads=own.query_heads,
            hidden_dim=own.width, intermediate_dim=own.inner_width,
            num_key_value_heads=own.key_value_heads, rope_max_wavelength=10000,
            rope_scaling_factor=1.0, layer_norm_epsilon=1e-5, sliding_window=own.window, dropout=0,
            dtype=self.dtype)
