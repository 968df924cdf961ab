"""The networks that the Keras team timed in 2024, and two that many ask for.

Weights are random and data are made: nothing is fetched. Batch sizes, lengths, losses and
optimizers are those of the benchmark's scripts (github.com/haifeng-jin/keras-benchmarks, tag
v0.0.5), with the defaults of Keras 3.0.5 written out.
"""
