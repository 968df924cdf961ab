"""What the two large language models of the benchmark have in common.

Both are in bfloat16. "fit" trains a low-rank addition of rank 4 to the queries' and values' weights
and leaves those as they are; "generate" continues texts of a few words, each next token the
likeliest one, to 50 tokens.
"""

import numpy as np

from models.datasets import made
from models.datasets.batches import batches
from models.workloads.keras2024.optimizers import ADAMW
from models.workloads.workload import Workload

RANK = 4
PROMPT = 6  # tokens: the benchmark's five words, and the one that begins a text


class CausalLm(Workload):
    """A network of KerasHub; a subclass makes its backbone.

    ``dimensions`` has at least ``words``, ``tokens`` and, of a text that is generated,
    ``generated``.
    """

    libraries = ("keras_hub",)
    optimizer = ADAMW
    loss = ("SparseCategoricalCrossentropy", {"from_logits": True})
    metrics = ()
    dtype = "bfloat16"
    task = None  # KerasHub's own name of its class

    def form(self):
        """Return the form of texts of which each next token is to be told."""
        return made.Tokens(self.batch_size, self.own.tokens, self.own.words, classes=None)

    def network(self):
        """Return what the network is built from, for the record."""
        return dict(super(CausalLm, self).network(), lora_rank=RANK)

    def inputs(self, x, image_data_format):
        """Return the texts, int32 (n, tokens), without padding."""
        return {"token_ids": x, "padding_mask": np.ones_like(x)}

    def targets(self, part):
        """Return the following tokens, int32 (n, tokens)."""
        return part.y

    def asked(self, x):
        """Return the beginnings of texts, padded to the length that is generated."""
        given = x["token_ids"]
        tokens = np.zeros((len(given), self.own.generated), dtype="int32")
        tokens[:, :PROMPT] = given[:, :PROMPT]
        mask = np.zeros_like(tokens)
        mask[:, :PROMPT] = 1
        return {"token_ids": tokens, "padding_mask": mask}

    def build(self, keras):
        """Return the network from texts to the logits of each next token."""
        task = getattr(keras.hub.models, self.task)(self.backbone(keras), preprocessor=None)
        task.backbone.enable_lora(RANK)
        self._generator = task
        # KerasHub's own class would take its batches through a library for preprocessing.
        return keras.keras.Model(task.input, task.output)

    def backbone(self, keras):
        """Return KerasHub's network without its last layer, the logits."""
        raise NotImplementedError

    def predictor(self, keras, model):
        """Return a function that continues a batch of beginnings to texts, int32 (n, generated).

        ``model`` is what ``build`` returned, compiled: what compiles its steps or not does so with
        this function too.
        """
        self._generator.compile(sampler="greedy", jit_compile=model.jit_compile)

        def generate(prompts):
            return self._generator.generate(prompts, stop_token_ids=None)["token_ids"]

        return generate

    def predict(self, keras, model, x):
        """Return the texts, batch by batch: Keras's predict would give the next tokens' logits."""
        generate = self.predictor(keras, model)
        return [generate(batch) for batch in batches(x, self.batch_size)]
