"""Tests here need a real Slurm. They wait for it most of the time: a part of their own."""

from driver_fixtures import libraries
from slurm_fixtures import bench, slurm

__all__ = ["bench", "libraries", "slurm"]
