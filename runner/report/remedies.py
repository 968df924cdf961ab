"""What to do about a job that is not ok, a line for each way to end."""

from collections.abc import Iterable

from runner.spec.job import Status

REMEDIES: dict[Status, str] = {
    Status.FAILED: "its log says more (jobs/<job>/log.txt in the run); once the cause is fixed: "
    "--resume RUN --retry failed",
    Status.TIMEOUT: "see in its log where it hung, or give it longer with the option named: "
    "--resume RUN --retry timeout",
    Status.OOM: "give it more memory: --resume RUN --retry oom --memory GIB, "
    "or a new run of fewer --samples",
    Status.INTERRUPTED: "nothing is wrong with it: --resume RUN runs it",
    Status.BUILD_FAILED: "build-<configuration>.log in the run has the build's output; then: "
    "--resume RUN --retry build-failed",
    Status.UNSUPPORTED: "the reason says why; another configuration, card or --device may work",
    Status.INVALID: "its times cannot be right, so the table leaves them out; the checks are "
    "in docs/validity.md",
    Status.TAINTED: "free the device of other work, then: --resume RUN --retry tainted",
    Status.RUNNING: "its run is still at work: its time is told once it has ended",
}


def remedies_for(statuses: Iterable[object]) -> list[str]:
    """Return what to do about each of ``statuses`` that is not ok, once, in their fixed order."""
    found = {Status(word) for status in statuses for word in str(status).split("/")}
    return [f"{status}: {REMEDIES[status]}" for status in Status if status in found & set(REMEDIES)]
