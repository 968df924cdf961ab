"""Engine tests need a real engine and a base image with a Python 3."""

from engine_fixtures import base_image, engine, fake_image

__all__ = ["base_image", "engine", "fake_image"]
