"""The optimizers of the benchmark of 2024: the defaults of Keras 3.0.5, by which it was timed."""

ADAM = ("Adam", {"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "decay": 0.0})
ADAMW = (
    "AdamW",
    {
        "lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "decay": 0.0,
        "weight_decay": 0.004,
    },
)
