"""Fault tests break things on purpose; those with containers need an engine and a base image."""

from engine_fixtures import base_image, engine, fake_image

__all__ = ["base_image", "engine", "fake_image"]
