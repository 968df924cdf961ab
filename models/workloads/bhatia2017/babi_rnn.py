"""Recurrent network that answers questions about short stories (bAbI, two supporting facts).

Keras's examples/babi_rnn.py at tag 2.0.8, timed in keras_perf_test_babi_rnn.ipynb. With MXNet it
never ran there: Keras 1.2.2 has no functional ``add``. The notebook also sets sizes of 100 for
sentence and query, which no layer uses.
"""

from models.datasets import babi
from models.workloads.workload import Workload


class BabiRnn(Workload):
    """The question's encoding is added to every word of the story, then an LSTM reads on."""

    classes = len(babi.VOCABULARY) + 1  # 0 pads
    optimizer = (
        "Adam", {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "decay": 0.0},
    )

    def inputs(self, x, image_data_format):
        """Return the stories (n, 552) and the questions (n, 5): int32 numbers of words."""
        return list(x)

    def build(self, keras):
        """Return the network from a story and a question to the probabilities of 36 words."""
        story = keras.input((babi.STORY_TOKENS,), "int32")
        question = keras.input((babi.QUESTION_TOKENS,), "int32")
        story_features = keras.embedding(self.classes, 50)(story)
        story_features = keras.dropout(0.3)(story_features)
        asked = keras.embedding(self.classes, 50)(question)
        asked = keras.dropout(0.3)(asked)
        asked = keras.lstm(50)(asked)
        asked = keras.repeat(babi.STORY_TOKENS)(asked)
        x = keras.add()([story_features, asked])
        x = keras.lstm(50)(x)
        x = keras.dropout(0.3)(x)
        x = keras.dense(self.classes, "softmax")(x)
        return keras.model([story, question], x)
