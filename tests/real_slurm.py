"""A Slurm cluster on this machine: a controller and two node daemons of one's own, from one folder.

No system's files are touched and nothing is left: a port range, keys and folders of its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# A node's lock has its name: two clusters of this machine at a time must not share one.
_OF_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
NODES = (f"{_OF_WORKER}n1", f"{_OF_WORKER}n2")
# Debian puts the daemons where an ordinary user's PATH does not reach.
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
_READY_SECONDS = 60
_ENDED_SECONDS = 20

_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort={port}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=600
GresTypes=gpu
SlurmdParameters=config_overrides
{extra}
NodeName=DEFAULT CPUs=1 RealMemory=1000 Gres=gpu:1 State=UNKNOWN
NodeName={worker}n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}]
PartitionName=all Nodes=ALL Default=YES MaxTime=60 State=UP
"""
_GRES = "".join(
    f"NodeName={node} Name=gpu File={file}\n"
    for node, file in zip(NODES, ("/dev/null", "/dev/zero"), strict=True)
)


def lacking() -> list[str]:
    """Return the programs that a cluster needs and this machine has not."""
    return [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]


def _free_ports(count: int) -> int:
    """Return the first of some ports in a row that nobody listens on."""
    while True:
        first = 20000 + secrets.randbelow(20000)
        with suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as one:
                    one.bind(("0.0.0.0", port))
            return first


def _holding(file: Path) -> Iterator[int]:
    """Yield the processes that have a file open."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(path.readlink() == file for path in folder.iterdir()):
                yield int(folder.parent.name)


class Cluster:
    """A running cluster. ``environment`` makes the commands of Slurm talk to it."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.folder = folder
        port = _free_ports(3)
        host = socket.gethostname().partition(".")[0]
        told = {"folder": folder, "host": host, "port": port, "first": port + 1, "last": port + 2,
                "worker": _OF_WORKER, "extra": extra}  # fmt: skip
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (folder / name).mkdir()
        (folder / "slurm.conf").write_text(_CONF.format(**told))
        (folder / "gres.conf").write_text(_GRES)
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command of Slurm on this cluster and return what it prints."""
        told = subprocess.run(
            command, env={**os.environ, **self.environment}, text=True, timeout=60, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if check and told.returncode:
            raise RuntimeError(f"{command}: {told.stdout}")
        return told.stdout

    def start(self) -> None:
        self._start_munge()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait_until_idle()

    def _start_munge(self) -> None:
        shutil.chown(self.folder, "munge", "munge")
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        shutil.chown(key, "munge", "munge")
        files = {"key-file": key, "socket": self.folder / "munge.socket",
                 "pid-file": self.folder / "munge.pid", "log-file": self.folder / "munge.log",
                 "seed-file": self.folder / "munge.seed"}  # fmt: skip
        options = [f"--{name}={path}" for name, path in files.items()]
        self.run("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", *options)

    def start_controller(self) -> None:
        self.run("slurmctld")

    def start_node(self, node: str) -> None:
        self.run("slurmd", "-N", node)

    def stop_controller(self) -> None:
        """Stop it as a service is stopped, and wait until it has saved what it knows.

        One that is killed loses up to five seconds of that: it then gives ids of tasks that run to
        others, and drains the nodes that refuse these.
        """
        pid = int((self.folder / "slurmctld.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _ENDED_SECONDS
        while self._runs(pid) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _runs(self, pid: int) -> bool:
        with suppress(OSError):
            return b"slurmctld" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    def kill_node(self, node: str) -> None:
        """End a node as a failure of its power would: the daemon, and all that runs there.

        What watches a task ends before the task: it would still tell the controller that the task
        failed, which a node without power cannot.
        """
        self._kill(f"slurmd-{node}.pid", signal.SIGKILL)
        log = self.folder / f"slurmd-{node}.log"
        for pid in _holding(log):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.end_processes(
            f"SLURMD_NODENAME={node}", f"SLURM_CONF={self.environment['SLURM_CONF']}"
        )

    def _kill(self, name: str, number: signal.Signals) -> None:
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / name).read_text()), number)

    def wait_until_idle(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while (said := {*self.run("sinfo", "-hN", "-o", "%T", check=False).split()}) != {"idle"}:
            if time.monotonic() > deadline:
                logs = "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
                raise RuntimeError(f"the nodes are {said}\n{logs}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End all that runs here: tasks, daemons, and what stays of them."""
        self.run("scancel", "--user=root", check=False)
        deadline = time.monotonic() + _ENDED_SECONDS
        while self.run("squeue", "--noheader", check=False).strip():
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self.end_processes(f"SLURM_CONF={self.folder / 'slurm.conf'}")
        self._kill("munge.pid", signal.SIGTERM)

    def end_processes(self, *marks: str) -> None:
        """End the processes whose environment has all these variables, but this one."""
        wanted = {mark.encode() for mark in marks}
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if wanted <= set(path.read_bytes().split(b"\0")) and path.parent.name != str(
                    os.getpid()
                ):
                    os.kill(int(path.parent.name), signal.SIGKILL)


@contextmanager
def cluster_in(folder: Path, extra: str = "") -> Iterator[Cluster]:
    """Give a cluster that runs meanwhile."""
    cluster = Cluster(folder, extra)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
