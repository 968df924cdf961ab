"""Benchmarks Keras backends in containers."""
