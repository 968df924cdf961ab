"""Fault tests break things on purpose; those with containers need an engine and a base image."""

from engine_fixtures import any_engine, base_image, engine, fake_image

__all__ = ["any_engine", "base_image", "engine", "fake_image"]
