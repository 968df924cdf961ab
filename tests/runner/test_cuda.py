"""The table of CUDA versions, drivers and cards, and that no configuration contradicts it."""

import pytest

from runner import config_files, cuda

EACH = [
    pytest.param(backend.gpu, id=f"{configuration.name}-{name}")
    for configuration in config_files.load([])
    for name, backend in configuration.backends.items()
]


@pytest.mark.parametrize("facts", EACH)
def test_a_configurations_driver_is_the_tables(facts):
    assert facts.min_driver == cuda.min_driver(facts.cuda)


@pytest.mark.parametrize("facts", EACH)
def test_a_configurations_cards_can_have_its_driver_and_its_cuda(facts):
    oldest = cuda.architecture(cuda.version(facts.min_compute_capability))
    branch = oldest.last_driver_branch
    assert branch is None or branch >= cuda.version(facts.min_driver)[0]
    last = cuda.version(oldest.last_cuda) if oldest.last_cuda else None
    assert last is None or cuda.version(facts.cuda)[: len(last)] <= last
    if facts.max_compute_capability is not None:
        newest = cuda.architecture(cuda.version(facts.max_compute_capability))
        assert cuda.version(newest.first_cuda) <= cuda.version(facts.cuda)


def test_every_row_has_a_source_and_newer_cuda_never_asks_for_an_older_driver():
    rows = cuda.facts().toolkits
    assert all(row.source for row in (*rows, *cuda.facts().architectures))
    drivers = [cuda.version(row.min_driver) for row in rows]
    assert drivers == sorted(drivers)


def test_a_version_told_less_exactly_takes_the_safe_row():
    assert cuda.min_driver("8.0") == "375.26"
    assert cuda.min_driver("8.0.44") == "367.48"
    assert cuda.min_driver("12.9") == "525.60.13"
    assert cuda.min_driver("99.0") is None


def test_what_a_driver_serves_and_where_a_cards_drivers_end():
    assert cuda.newest_served("470.256.02") == "11.x"
    assert cuda.newest_served("580.159.03") == "13.0"
    assert cuda.newest_served("340.108") is None
    assert cuda.last_branch((3, 7)) == 470
    assert cuda.last_branch((7, 0)) == 580
    assert cuda.last_branch((9, 0)) is None
