"""How the CPUs are shared among cards: equally, each one once, near its card where that is told."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_nvml import K80
from launcher_contract import make_job
from runner.errors import MachineError
from runner.machine.cpus import (
    by_core,
    cpu_list,
    cpu_shares,
    cpus_for,
    cpus_of_list,
    near_cpus,
    shares_for,
)
from runner.machine.gpu import Gpu, connect_driver
from runner.machine.machine import Lane, Machine
from runner.spec.configuration import Device

LOW, HIGH = frozenset(range(4)), frozenset(range(4, 8))
NONE: frozenset[int] = frozenset()
CARDS = tuple(
    Gpu(f"GPU-{n}", K80.name, K80.driver, K80.compute_capability, K80.memory_bytes, n)
    for n in range(2)
)


@pytest.mark.parametrize(
    ("near", "shares"),
    [
        ((LOW, HIGH), [(0, 1, 2, 3), (4, 5, 6, 7)]),
        ((HIGH, LOW), [(4, 5, 6, 7), (0, 1, 2, 3)]),
        ((LOW, LOW), [(0, 1), (2, 3)]),
        ((LOW, LOW, HIGH), [(0, 1), (2, 3), (4, 5)]),
        ((NONE, NONE), [(0, 1, 2, 3), (4, 5, 6, 7)]),
        ((NONE, LOW), [(4, 5, 6, 7), (0, 1, 2, 3)]),
        ((frozenset({0}), frozenset({0})), [(0,), (1,)]),
        ((frozenset({99}), HIGH), [(0, 1, 2, 3), (4, 5, 6, 7)]),
    ],
)
def test_each_card_has_as_many_near_it_as_all_can_have(near, shares):
    assert cpu_shares(near, range(8)) == shares


_SETS = st.frozensets(st.integers(0, 20), max_size=12)


@given(st.lists(_SETS, min_size=1, max_size=6), st.sets(st.integers(0, 20), min_size=6))
def test_no_cpu_is_shared_out_twice_and_all_have_as_many(near, usable):
    shares = cpu_shares(near, sorted(usable))
    given_out = [cpu for share in shares for cpu in share]
    assert len(given_out) == len(set(given_out))
    assert set(given_out) <= usable
    assert len({len(share) for share in shares}) == 1
    assert len(shares[0]) >= 1


@given(st.sets(st.integers(0, 300), min_size=1))
def test_what_the_kernel_lists_is_read_as_it_is_written(cpus):
    assert cpus_of_list(cpu_list(sorted(cpus)) + "\n") == sorted(cpus)


def test_a_cards_cpus_are_those_that_the_kernel_names_for_its_bus(tmp_path):
    card = Gpu(**{**vars(CARDS[0]), "bus_id": "0000:1b:00.0"})
    assert near_cpus(card, tmp_path) == NONE
    told = tmp_path / "0000:1b:00.0" / "local_cpulist"
    told.parent.mkdir()
    for text, cpus in (("0-3,8\n", {0, 1, 2, 3, 8}), ("\n", set()), ("many\n", set())):
        told.write_text(text)
        assert near_cpus(card, tmp_path) == cpus
    told.write_bytes(b"\xff\xfe")
    assert near_cpus(card, tmp_path) == NONE
    assert near_cpus(CARDS[0], tmp_path) == NONE


def test_a_core_is_not_split_between_two_cards(tmp_path):
    """Its two threads have numbers that are far apart on most machines."""
    for cpu in range(8):
        told = tmp_path / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        told.parent.mkdir(parents=True)
        told.write_text(f"{cpu % 4},{cpu % 4 + 4}\n")
    assert by_core(range(8), tmp_path) == [0, 4, 1, 5, 2, 6, 3, 7]
    assert by_core([6, 1, 2], tmp_path) == [1, 2, 6]
    assert by_core([2, 1], tmp_path / "nothing") == [1, 2]


def test_a_job_is_kept_to_its_share(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    share = (4, 0, 5, 1)
    assert cpus_for(make_job(threads=4, device="gpu"), share) == [0, 1, 4, 5]
    assert cpus_for(make_job(threads=2, device="gpu"), share) == [0, 4]
    assert cpus_for(make_job(threads="framework", device="gpu"), share) == [0, 1, 4, 5]


def test_only_several_cards_have_shares(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {90, 91, 92, 93})
    assert Machine(Device.CPU, None).lanes == (Lane(),)
    assert Machine(Device.GPU, None, CARDS[:1]).lanes == (Lane(CARDS[0]),)
    assert Machine(Device.GPU, None, CARDS).lanes == (
        Lane(CARDS[0], (90, 91)), Lane(CARDS[1], (92, 93)),
    )  # fmt: skip


def test_more_cards_than_cpus_are_refused(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    with pytest.raises(MachineError, match="2 cards, and this run may use 1 CPU: "):
        shares_for(CARDS)


@pytest.mark.parametrize(
    ("told", "found"),
    [("00000000:1B:00.0", "0000:1b:00.0"), ("00010000:01:00.0", "10000:01:00.0"), ("N/A", None)],
)
def test_a_cards_bus_is_named_as_the_kernel_does(driver, told, found):
    driver(bus_id=told)
    assert connect_driver().cards().usable[0].bus_id == found
