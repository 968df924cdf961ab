"""The table of CUDA versions, drivers and cards, and that no configuration contradicts it."""

import pytest

from runner.machine.cuda import architecture_of, cuda_facts, last_branch, min_driver, newest_served
from runner.spec.configuration import load_configurations
from runner.words import version_numbers

EACH = [
    pytest.param(backend.gpu, id=f"{configuration.name}-{name}")
    for configuration in load_configurations([])
    for name, backend in configuration.backends.items()
]


@pytest.mark.parametrize("facts", EACH)
def test_a_configurations_driver_is_the_tables(facts):
    assert facts.min_driver == min_driver(facts.cuda)
    oldest_first = [(facts.min_compute_capability, facts.min_driver)]
    oldest_first += [(card.min_compute_capability, card.min_driver) for card in facts.newer_cards]
    numbers = [tuple(map(version_numbers, pair)) for pair in oldest_first]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("facts", EACH)
def test_a_configurations_cards_can_have_its_driver_and_its_cuda(facts):
    oldest = architecture_of(version_numbers(facts.min_compute_capability))
    branch = oldest.last_driver_branch
    assert branch is None or branch >= version_numbers(facts.min_driver)[0]
    last = version_numbers(oldest.last_cuda) if oldest.last_cuda else None
    assert last is None or version_numbers(facts.cuda)[: len(last)] <= last
    if facts.max_compute_capability is not None:
        newest = architecture_of(version_numbers(facts.max_compute_capability))
        assert version_numbers(newest.first_cuda) <= version_numbers(facts.cuda)


def test_every_row_has_a_source_and_newer_cuda_never_asks_for_an_older_driver():
    rows = cuda_facts().toolkits
    assert all(row.source for row in rows)
    assert all(row.source for row in cuda_facts().architectures)
    drivers = [version_numbers(row.min_driver) for row in rows]
    assert drivers == sorted(drivers)


def test_a_version_told_less_exactly_takes_the_safe_row():
    assert min_driver("8.0") == "375.26"
    assert min_driver("8.0.44") == "367.48"
    assert min_driver("12.9") == "525.60.13"
    assert min_driver("99.0") is None


def test_what_a_driver_serves_and_where_a_cards_drivers_end():
    assert newest_served("470.256.02") == "11.x"
    assert newest_served("580.159.03") == "13.0"
    assert newest_served("340.108") is None
    assert last_branch((3, 7)) == 470
    assert last_branch((7, 0)) == 580
    assert last_branch((9, 0)) is None
