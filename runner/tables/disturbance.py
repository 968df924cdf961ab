"""What held a job's process up that was not its own work: such a time is shown, and not judged."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from runner.store.events import EpochEvent, Event

# Why a card may run below its clocks, as its driver's reasons are named: not its own power cap.
SLOWDOWNS = frozenset({
    "software thermal slowdown", "hardware thermal slowdown", "hardware power brake",
    "hardware slowdown",
})  # fmt: skip
# Below this, the ticks (10 ms) in which the kernel counts, and how a job begins, weigh too much.
MIN_SAMPLES = 3
# In cores, as the mean over a job. An idle machine's services, the engine and the desktop take
# 0.01 to 0.1; one busy process takes 1.0. Between them lies what can matter: a job whose threads
# wait for each other in every step is held up for at most this part of its time, and a process
# that is busy for a quarter of the job is already at the limit.
FOREIGN_LOAD_LIMIT = 0.25


# In seconds: of a control group whose threads are as many as its quota allows, hardly any.
THROTTLED_LIMIT = 0.5
# What a record's telemetry holds of a job on a GPU alone, where the CPUs' load is no objection.
_GPU_COLUMNS = ("gpu_utilization", "gpu_temperature", "gpu_power_w", "gpu_sm_mhz", "throttle")


def is_loaded(foreign_load: float, samples: int) -> bool:
    """Return whether others took so many cores that a job's time may not be its own."""
    return samples >= MIN_SAMPLES and foreign_load > FOREIGN_LOAD_LIMIT


def _disturbances(telemetry: Mapping[str, Any]) -> Iterator[str]:
    load = telemetry.get("foreign_load")
    on_gpu = any(telemetry.get(name) is not None for name in _GPU_COLUMNS)
    if load is not None and not on_gpu and is_loaded(load, telemetry.get("samples", 0)):
        yield "other processes used the CPU"
    reasons = set(str(telemetry.get("throttle") or "").split(", "))
    for reason in sorted(reasons & SLOWDOWNS):
        yield f"the GPU was slowed down: {reason}"
    if telemetry.get("paused_seconds"):
        yield "the job was paused"
    if (telemetry.get("throttled_seconds") or 0) > THROTTLED_LIMIT:
        yield "its CPU quota held it up"


def disturbance_of(telemetry: Mapping[str, Any]) -> str | None:
    """Return in words what disturbed a job, by its record's telemetry; None if nothing is known."""
    return "; ".join(_disturbances(telemetry)) or None


def _unobserved(telemetry: Mapping[str, Any]) -> Iterator[str]:
    if not telemetry:  # a record of before the watch
        return
    if all(telemetry.get(name) is None for name in _GPU_COLUMNS):
        if telemetry.get("foreign_load") is None or telemetry.get("samples", 0) < MIN_SAMPLES:
            yield "the load of others"
        return
    if telemetry.get("exclusive") == "not known":
        yield "whether others used the card"
    if telemetry.get("throttle") is None:
        yield "whether the card was slowed down"


def unobserved_of(telemetry: Mapping[str, Any]) -> str | None:
    """Return in words what could not be seen of a job's device; None where nothing is missing.

    What was not measured was not therefore good.
    """
    return "; ".join(_unobserved(telemetry)) or None


def timed_span(events: Sequence[Event]) -> tuple[float, float] | None:
    """Return from when to when the epochs ran that are timed, in seconds since the epoch.

    These are the ones after the first. None where there are none, or where they have no times.
    """
    ends = [event.at for event in events if isinstance(event, EpochEvent)]
    if len(ends) < 2 or ends[0] is None or ends[-1] is None:
        return None
    return ends[0], ends[-1]


def timed_epochs(events: Sequence[Event]) -> int:
    """Return how many epochs are timed: those after the first."""
    return max(0, sum(isinstance(event, EpochEvent) for event in events) - 1)


def epoch_pauses(
    pauses: Sequence[tuple[float, float]], events: Sequence[Mapping[str, Any]]
) -> dict[int, float]:
    """Return the seconds for which a job was paused in each epoch that a pause fell into.

    ``pauses`` are from when to when, in seconds since the epoch, as ``at`` of the events is. A job
    says nothing while it is paused, so a pause lies whole in the epoch that holds its end; its
    begin is known to an interval of the samples only.
    """
    found: dict[int, float] = {}
    for before, event in pairwise(events) if pauses else ():
        began, ended = before.get("at"), event.get("at")
        if event["event"] != "epoch" or began is None or ended is None:
            continue
        within = [until - since for since, until in pauses if began < until <= ended]
        if within:
            found[event["epoch"]] = sum(within)
    return found
