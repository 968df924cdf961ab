"""Bundles: images, wheels and data of configurations in one checksummed folder.

A folder that is loaded on a machine without a network runs there, and builds there what changes in
``models/``. The legacy images will be unbuildable one day; a bundle keeps them.
"""

from runner.bundle.load import load
from runner.bundle.manifest import Manifest
from runner.bundle.save import Wanted, save
from runner.bundle.verify import verify

__all__ = ["Manifest", "Wanted", "load", "save", "verify"]
