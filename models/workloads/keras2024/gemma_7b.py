"""Gemma with 7 billion parameters: the benchmark's "Gemma fit" and "Gemma generate"."""

import collections

from models.workloads.keras2024.causal_lm import CausalLm

Dimensions = collections.namedtuple("Dimensions", [
    "words", "tokens", "generated", "layers", "query_heads", "key_value_heads", "head_width",
    "width", "inner_width"])


class Gemma7B(CausalLm):
    """KerasHub's Gemma: 28 layers of 3072."""

    task = "GemmaCausalLM"
    dimensions = {
        "published": Dimensions(
            words=256000, tokens=128, generated=50, layers=28, query_heads=16, key_value_heads=16,
            head_width=256, width=3072, inner_width=49152),
        "tiny": Dimensions(
            words=500, tokens=16, generated=10, layers=2, query_heads=2, key_value_heads=1,
            head_width=16, width=32, inner_width=64),
    }

    def backbone(self, keras):
        """Return the network without the logits."""
        own = self.own
        return keras.hub.models.GemmaBackbone(
            vocabulary_size=own.words, num_layers=own.layers, num_query_heads=own.query_heads,
            num_key_value_heads=own.key_value_heads, hidden_dim=own.width,
            intermediate_dim=own.inner_width, head_dim=own.head_width, layer_norm_epsilon=1e-6,
            dropout=0, dtype=self.dtype)
