"""Engine tests need a real engine and a base image with a Python 3.

A module that says so is run on Docker and on Podman:
``pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True, scope="session")``.
"""

import tempfile
from pathlib import Path

import pytest

from engine_fixtures import any_engine, make_fake_image
from engine_fixtures import base_image as docker_base
from engine_fixtures import engine as docker_engine
from local_environments import python_of
from podman_engine import running_podman
from slurm_fixtures import bench as cluster
from slurm_fixtures import slurm

__all__ = ["any_engine", "cluster", "docker_base", "docker_engine", "python_of", "slurm"]


@pytest.fixture(scope="session")
def podman_engine(any_engine):
    # Podman takes no folder of its own with a path of more than 50 characters.
    short = tempfile.TemporaryDirectory(prefix="podman", ignore_cleanup_errors=True)
    with short as folder, running_podman(Path(folder)) as engine:
        yield engine


@pytest.fixture(scope="session")
def engine(request, any_engine):
    """Docker, or the engine that a test is parametrized with."""
    return request.getfixturevalue(f"{getattr(request, 'param', 'docker')}_engine")


@pytest.fixture(scope="session")
def base_image(engine, docker_engine, docker_base):
    """The base image of Docker, in the engine's own store."""
    if engine is not docker_engine:
        engine.client.images.load(docker_engine.client.images.get(docker_base).save(named=True))
    return docker_base


@pytest.fixture(scope="session")
def fake_image(engine, base_image):
    yield from make_fake_image(engine, base_image)
