"""BERT-base with a classifier of two classes: the benchmark's "BERT fit" and "BERT predict".

It took the preset "bert_base_en", whose vocabulary has 28,996 words, and texts that fill all 512
tokens.
"""

import collections

import numpy as np

from models.datasets import made
from models.workloads.keras2024.optimizers import ADAMW
from models.workloads.workload import Workload

Dimensions = collections.namedtuple(
    "Dimensions", ["words", "tokens", "layers", "heads", "width", "inner_width", "dropout"])


class BertBase(Workload):
    """KerasHub's BERT: 12 layers of 768."""

    libraries = ("keras_hub",)
    optimizer = ADAMW
    loss = ("SparseCategoricalCrossentropy", {"from_logits": True})
    metrics = ()
    dimensions = {
        "published": Dimensions(
            words=28996, tokens=512, layers=12, heads=12, width=768, inner_width=3072, dropout=0.1),
        "tiny": Dimensions(
            words=500, tokens=16, layers=2, heads=2, width=32, inner_width=64, dropout=0.1),
    }

    def form(self):
        """Return the form of texts that are each of one class."""
        return made.Tokens(self.batch_size, self.own.tokens, self.own.words, self.classes)

    def inputs(self, x, image_data_format):
        """Return the texts, int32 (n, tokens), as one segment without padding."""
        return {
            "token_ids": x, "segment_ids": np.zeros_like(x), "padding_mask": np.ones_like(x),
        }

    def targets(self, part):
        """Return the classes, int32 (n,)."""
        return part.y

    def build(self, keras):
        """Return the network from texts to the logits of the classes."""
        backbone = keras.hub.models.BertBackbone(
            vocabulary_size=self.own.words, num_layers=self.own.layers, num_heads=self.own.heads,
            hidden_dim=self.own.width, intermediate_dim=self.own.inner_width,
            dropout=self.own.dropout, max_sequence_length=self.own.tokens, num_segments=2)
        classifier = keras.hub.models.BertTextClassifier(
            backbone, num_classes=self.classes, preprocessor=None, activation=None,
            dropout=self.own.dropout)
        # KerasHub's own class would take its batches through a library for preprocessing.
        return keras.keras.Model(classifier.input, classifier.output)
