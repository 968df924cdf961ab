"""What a run works with: an engine or none, cards, or the nodes of a cluster."""

import os
from dataclasses import dataclass

from runner.machine.cpus import shares_for
from runner.machine.docker_engine import Engine
from runner.machine.gpu import Gpu
from runner.machine.inherited import cpu_quota
from runner.spec.configuration import Device


@dataclass(frozen=True)
class Lane:
    """Where one job at a time runs: on a card, or on the CPUs where there is none.

    ``cpus`` are those that its jobs are kept to, and the jobs of no other lane; None where there
    is no other.
    """

    gpu: Gpu | None = None
    cpus: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Cluster:
    """The nodes that jobs may be given: how many, and the fewest CPUs that a job has there."""

    name: str
    nodes: int
    cpus: int


@dataclass(frozen=True)
class Machine:
    """What a run works with. Without an engine, jobs are processes of this machine.

    ``gpus`` are equal cards; none where the run is on the CPUs, or on the nodes of a cluster:
    what those have shows there.
    """

    device: Device
    engine: Engine | None
    gpus: tuple[Gpu, ...] = ()
    cluster: Cluster | None = None

    @property
    def gpu(self) -> Gpu | None:
        """Return a card, which stands for all of them; None on the CPUs."""
        return self.gpus[0] if self.gpus else None

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Return where its jobs run side by side, one in each."""
        if len(self.gpus) < 2:
            return (Lane(self.gpu),)
        return tuple(map(Lane, self.gpus, shares_for(self.gpus)))

    @property
    def cpus(self) -> int:
        """Return how many CPUs a job can have: those of its lane, or else of this process.

        No more than the engine's, or than a quota allows. On a cluster, what each of its nodes has.
        """
        if self.cluster is not None:
            return self.cluster.cpus
        share = self.lanes[0].cpus
        own = len(os.sched_getaffinity(0)) if share is None else len(share)
        if self.engine is not None:
            return min(own, self.engine.cpus or own)
        # A quota of this process's control group is one of its children too.
        return max(1, int(min(own, cpu_quota())))
