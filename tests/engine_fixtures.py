"""What engine tests share: a real engine and a base image with a Python 3.

``BENCH_BASE_IMAGE`` names the base; ``REQUIRE_ENGINE=1`` turns a skip into a failure.
"""

import io
import os
import tarfile
import uuid
from pathlib import Path

import pytest

from runner.errors import MachineError
from runner.machine.docker_engine import connect_engine

FAKES = Path(__file__).parent / "fakes"


def cannot(reason: str):
    """Skip a test, or fail where an engine is required."""
    if os.environ.get("REQUIRE_ENGINE") == "1":
        pytest.fail(f"REQUIRE_ENGINE=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def any_engine():
    """By this a test is known to need an engine, whichever."""


@pytest.fixture(scope="session")
def engine(any_engine):
    try:
        return connect_engine()
    except MachineError as error:
        return cannot(f"no engine: {str(error).splitlines()[0]}")


@pytest.fixture(scope="session")
def base_image() -> str:
    name = os.environ.get("BENCH_BASE_IMAGE")
    return name or cannot("BENCH_BASE_IMAGE names no base image with a Python 3.5 or 3.6")


def make_fake_image(engine, base_image):
    """Yield an image whose models package is the fake one; each session has one of its own."""
    dockerfile = (
        f"FROM {base_image}\n"
        f"LABEL session={uuid.uuid4().hex}\n"
        "COPY models /opt/bench/models\n"
        "RUN mkdir /cache /data && chown 1000:1000 /cache\n"
        "ENV PYTHONPATH=/opt/bench HOME=/tmp\n"
        "WORKDIR /opt/bench\n"
        'ENTRYPOINT ["python3", "-m", "models"]\n'
    )
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
        tar.add(FAKES / "models", "models")
    context.seek(0)
    image, _ = engine.client.images.build(fileobj=context, custom_context=True, rm=True)
    yield image.id
    engine.client.images.remove(image.id, force=True)


@pytest.fixture(scope="session")
def fake_image(engine, base_image):
    yield from make_fake_image(engine, base_image)
