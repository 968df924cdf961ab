"""What the commands that share a run and check one print."""

from collections.abc import Collection
from pathlib import Path

from runner.errors import ExitCode
from runner.report.console import err, out, print_labelled, safe_text
from runner.share.check import check_run
from runner.share.write import Shared, left_names, make_pack, write_pack
from runner.store.find import find_run
from runner.store.pack import PACK_SUFFIX
from runner.words import size_text

# Of each kind, so many of the texts that were taken out are told.
_MOST_SHOWN = 5


def _tell_taken(shared: Shared) -> None:
    """Print what was taken out, on this terminal alone."""
    taken = shared.scrubber.taken
    for kind, count in shared.scrubber.counts().items():
        texts = [text for (of, text), _ in taken.most_common() if of == kind]
        rest = f", and {len(texts) - _MOST_SHOWN} others" if len(texts) > _MOST_SHOWN else ""
        shown = ", ".join(safe_text(text, 80) for text in texts[:_MOST_SHOWN])
        out.print(f"taken out, {kind} ({count} times): {shown}{rest}", highlight=False)
    if not taken:
        out.print("nothing had to be taken out", highlight=False)


def share_run(
    name: str,
    results_dir: Path,
    output: Path | None,
    with_logs: bool,
    licence: str,
    author: str | None,
    allowed: Collection[str],
) -> None:
    """Write a run as a pack and say what was taken out of it. Raises StoreError for no run."""
    shared = make_pack(find_run(results_dir, name), with_logs, licence, author, allowed)
    path = output or Path(f"{shared.pack.run}{PACK_SUFFIX}")
    digest = write_pack(shared, path)
    _tell_taken(shared)
    for text in left_names(shared):
        why = f"'{text}' is a word of the table, or part of a longer one"
        print_labelled(err, "still there:", why, "yellow")
    if with_logs:
        advice = "read them before you pass them on: programs wrote them"
        print_labelled(err, "logs:", advice, "yellow")
    out.print(f"licence: {licence}", highlight=False)
    out.print(f"cite as: {shared.pack.citation}", highlight=False, soft_wrap=True)
    size = size_text(path.stat().st_size) if path.is_file() else "written"
    out.print(f"pack: {path} ({size})\nsha256: {digest}", highlight=False, soft_wrap=True)


def verify_runs(names: list[str], results_dir: Path) -> ExitCode:
    """Say of each run or pack whether its rows derive from its events."""
    is_good = True
    for name in names:
        found = check_run(name, results_dir)
        for fact in found.facts:
            out.print(f"{name}: {fact}", highlight=False, soft_wrap=True)
        for problem in found.problems:
            print_labelled(err, f"{name}:", problem, "red")
        is_good = is_good and not found.problems
    return ExitCode.OK if is_good else ExitCode.JOBS_NOT_OK
