"""The validity gate: is what was timed the model it is said to be, and did it learn?

A job that ran to its end may still not be worth a time: a net that trains to NaN is fast. What
fails here is ``invalid``, with the reason, and has no time in a summary.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol, cast

from runner.spec.axes import trains
from runner.spec.job import Job
from runner.store.events import EpochEvent, Event, LimitsEvent, ModelEvent

# The measured peak is one product's, read too low on a busy machine, and fast convolutions need
# fewer operations than are counted: beyond five times it, the clock is wrong and not the peak.
PEAK_MARGIN = 5
# Others on the machine made a peak up to 30 times too low.
DISTURBED_PEAK_MARGIN = 500
# A mean of ones in single precision can come out a little above one.
_ROUNDING = 1e-3
# Below this many trained samples the loss is not judged: a few steps of a fresh net, whose loss
# may rise at first. From here on every kept job of every model has learnt something.
_LEARNS_FROM = 1_024
# Below this many it may end a little above the first epoch's: what was learnt is not yet more than
# chance.
_FALLS_FROM = 5_000
_CHANCE = 1.05
# The loss of guessing is the logarithm of the number of classes. A net that learns is near it or
# below; one whose outputs are all wrong is many times above.
_MUCH_WORSE_THAN_GUESSING = 2
# A net that sees fewer samples than this learns them by heart and nothing of the others.
_ENOUGH_TO_GENERALIZE = 1_000


def _wrong_parameters(job: Job, events: Sequence[Event]) -> str | None:
    """The network must be the registered one, whatever the job itself expects."""
    workload = job.workload
    for event in events:
        if workload and isinstance(event, ModelEvent) and event.parameters != workload.parameters:
            return f"{event.parameters:,} parameters instead of {workload.parameters:,}"
    return None


class _Learnt(Protocol):
    """An epoch of training, which says what it learnt."""

    epoch: int
    samples: int
    loss: float
    accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None


def _epochs(events: Sequence[Event]) -> list[EpochEvent]:
    return [event for event in events if isinstance(event, EpochEvent)]


def _learnt(events: Sequence[Event]) -> list[_Learnt]:
    """Return what the epochs learnt; none where they only predicted."""
    return cast(list[_Learnt], [event for event in _epochs(events) if event.loss is not None])


def _unreported(job: Job, events: Sequence[Event]) -> str | None:
    """A network that is trained has a loss in every epoch."""
    if trains(job.phase) and len(_learnt(events)) < len(_epochs(events)):
        return "some of its epochs say no loss"
    return None


def _not_finite(job: Job, events: Sequence[Event]) -> str | None:  # noqa: ARG001
    for event in _learnt(events):
        if not math.isfinite(event.loss + (event.val_loss or 0)):
            validation = "" if event.val_loss is None else f", its validation's {event.val_loss}"
            return f"the loss of epoch {event.epoch} is {event.loss}{validation}"
    return None


def _no_accuracy(job: Job, events: Sequence[Event]) -> str | None:  # noqa: ARG001
    for event in _learnt(events):
        for accuracy in (event.accuracy, event.val_accuracy):
            if accuracy is not None and not -_ROUNDING <= accuracy <= 1 + _ROUNDING:
                return f"an accuracy of epoch {event.epoch} is {accuracy}"
    return None


def _not_falling(job: Job, events: Sequence[Event]) -> str | None:  # noqa: ARG001
    epochs = _learnt(events)
    trained = sum(event.samples for event in epochs)
    if trained < _LEARNS_FROM or len(epochs) < 2:
        return None
    first, last = epochs[0].loss, epochs[-1].loss
    if last >= first * (1 if trained >= _FALLS_FROM else _CHANCE):
        return f"the loss does not fall: {first:.4g} at first, {last:.4g} at last"
    return None


def _worse_than_guessing(job: Job, events: Sequence[Event]) -> str | None:
    workload, epochs = job.workload, _learnt(events)
    if workload is None or workload.classes is None:
        return None
    if sum(event.samples for event in epochs) < _LEARNS_FROM:
        return None
    guessing, last = math.log(workload.classes), epochs[-1].loss
    if last > _MUCH_WORSE_THAN_GUESSING * guessing:
        return (
            f"the loss of the last epoch is {last:.4g}, and guessing among {workload.classes} "
            f"classes gives {guessing:.4g}: it does not learn"
        )
    return None


def _below_floor(job: Job, events: Sequence[Event]) -> str | None:
    workload, epochs = job.workload, _learnt(events)
    floor = workload.floors.get(job.data) if workload else None
    trained = [event.samples for event in epochs]
    if workload is None or floor is None or sum(trained) < floor.samples:
        return None
    if max(trained) < min(_ENOUGH_TO_GENERALIZE, workload.train):
        return None
    best = max(
        (event.val_accuracy for event in epochs if event.val_accuracy is not None), default=math.nan
    )
    if not best >= floor.accuracy:
        return f"validation accuracy {best:.3f} is below {floor.accuracy}, so it did not learn"
    return None


def too_fast(
    job: Job,
    events: Sequence[Event],
    margin: float = PEAK_MARGIN,
) -> str | None:
    """Return why an epoch needs more operations a second than the device was seen to do, or None.

    A machine that was disturbed while its peak was measured was seen to do too few.
    """
    limits = next((event for event in events if isinstance(event, LimitsEvent)), None)
    if limits is None or not limits.peak_flops_per_second:
        return None
    is_training = trains(job.phase)
    forward, training = limits.flops_per_sample_forward, limits.flops_per_sample_training
    per_sample = (training if is_training else forward) or 0
    for event in _epochs(events):
        rate = event.samples * per_sample / event.seconds if event.seconds else 0
        if rate > margin * limits.peak_flops_per_second:
            return (
                f"epoch {event.epoch} took {event.seconds:.3g} s: that is {rate:.3g} operations a "
                f"second where the device does {limits.peak_flops_per_second:.3g}"
            )
    return None


def _two_clocks(job: Job, events: Sequence[Event]) -> str | None:  # noqa: ARG001
    """An epoch cannot be longer than the wall clock saw pass between its events."""
    for before, event in pairwise(events):
        if not isinstance(event, EpochEvent) or event.at is None or before.at is None:
            continue
        passed = event.at - before.at
        if event.seconds > passed * 1.02 + 0.05:
            return f"epoch {event.epoch} says {event.seconds:.3g} s, the wall clock {passed:.3g} s"
    return None


Check = Callable[[Job, Sequence[Event]], str | None]
VALIDITY_CHECKS: tuple[Check, ...] = (
    _unreported,
    _wrong_parameters,
    _not_finite,
    _no_accuracy,
    _not_falling,
    _worse_than_guessing,
    _below_floor,
    too_fast,
    _two_clocks,
)


def validity_objection(
    job: Job, events: Sequence[Event], checks: Sequence[Check] = VALIDITY_CHECKS
) -> str | None:
    """Return the first reason why a finished job's times must not be believed, or None."""
    return next((reason for check in checks if (reason := check(job, events))), None)
