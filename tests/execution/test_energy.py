"""Joules per epoch from counters that go on whatever they count."""

import pytest

from runner.execution.energy import PackageEnergy, joules_per_epoch
from runner.execution.watch import Sample, energy_of
from runner.machine.gpu import GpuSample


def at_power(watts, seconds, first=0.0):
    return [(first + second, 1000.0 + watts * second) for second in range(seconds)]


def test_an_epochs_part_of_what_the_counter_says():
    # From 3 to 23 seconds 4 epochs ran, at 50 W: 250 J each.
    assert joules_per_epoch(at_power(50, 40), (3.0, 23.0), 4) == pytest.approx(250)


def test_power_outside_the_epochs_is_not_theirs():
    idle = at_power(10, 5)
    busy = [(5.0 + n, idle[-1][1] + 200.0 * n) for n in range(1, 11)]
    assert joules_per_epoch(idle + busy, (6.0, 15.0), 3) == pytest.approx(200 * 9 / 3)


@pytest.mark.parametrize(
    ("readings", "span", "epochs"),
    [
        ([], (0.0, 10.0), 2),
        (at_power(50, 1), (0.0, 10.0), 2),
        (at_power(50, 4), (0.0, 10.0), 2),  # three of ten seconds
        (at_power(50, 40), None, 2),
        (at_power(50, 40), (0.0, 10.0), 0),
        (at_power(50, 40), (100.0, 110.0), 2),
    ],
)
def test_what_is_not_covered_is_not_known(readings, span, epochs):
    assert joules_per_epoch(readings, span, epochs) is None


@pytest.fixture
def package(tmp_path):
    def written(number, microjoules, folder="intel-rapl:{}"):
        path = tmp_path / folder.format(number)
        path.mkdir(exist_ok=True)
        (path / "energy_uj").write_text(f"{microjoules}\n")
        (path / "max_energy_range_uj").write_text("262143328850\n")

    written(0, 262_143_000_000)
    written(1, 0)
    written("0:0", 5, "intel-rapl:{}")  # the cores of package 0, which it counts too
    return written


def test_all_packages_and_a_counter_that_begins_anew(tmp_path, package):
    used = PackageEnergy(tmp_path)
    package(0, 262_143_300_000)
    assert used() == pytest.approx(0.3)
    package(0, 971_150)  # 28,850 up to the largest value, and on from nothing
    package(1, 2_000_000)
    assert used() == pytest.approx(0.3 + 1.0 + 2.0)


def test_a_machine_that_does_not_tell_says_nothing(tmp_path, package):
    assert PackageEnergy(tmp_path / "missing")() is None
    used = PackageEnergy(tmp_path)
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()  # as for whoever may not read it
    assert used() is None


def test_of_samples_those_with_a_counter_count():
    samples = [
        Sample(
            n, 1.0, wall=100.0 + n, gpu=GpuSample(energy_j=300.0 * n) if n % 2 else GpuSample(),
            cpu_energy_j=20.0 * n,
        )
        for n in range(12)
    ]  # fmt: skip
    assert energy_of(samples, (101.0, 111.0), 5) == {
        "gpu_joules_per_epoch": pytest.approx(600),
        "cpu_joules_per_epoch": pytest.approx(40),
    }
    assert set(energy_of([], None, 0).values()) == {None}
