"""What a run is made of: the code and its environments, held against what it was begun with."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from runner import paths
from runner.errors import IdentityError
from runner.spec.facts import declared_facts
from runner.spec.variables import VARIABLES, differing_variables
from runner.store.run_folder import RunStore


def tree_sha256(root: Path, kinds: tuple[str, ...] = (".py", ".json")) -> str:
    """Return one hash over the names and contents of a folder's files of some kinds."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in kinds):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def git_commit(checkout: Path | None = paths.CHECKOUT) -> str | None:
    """Return the commit of the runner's checkout, marked where files differ.

    None without git, for an installed package, and for an unpacked archive: the repository that
    may surround those is another project's. So may be one whose top the checkout is not.
    """
    if checkout is None:
        return None
    top = _git(checkout, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != checkout.resolve():
        return None
    return _git(checkout, "describe", "--always", "--abbrev=40", "--dirty=-modified")


def _git(checkout: Path, *arguments: str) -> str | None:
    """Return what git says of a checkout's own repository, or None where it says nothing."""
    # Git's own variables may name other repositories, and other parts of them.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(
            # Named, the repository is not looked for in the folders above.
            ["git", f"--git-dir={checkout / '.git'}", *arguments],
            cwd=checkout,
            env=plain,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def code_identity() -> dict[str, str | None]:
    """Return the identity of the code, by the table's columns."""
    return {
        "models_sha256": tree_sha256(paths.MODELS),
        "runner_version": paths.version(),
        "git_commit": git_commit(),
    }


# A commit may change a text that no job reads: its rows say which it was.
_MAY_DIFFER = frozenset({"git_commit"})


def identity_differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what differs between two identities, a line each; what only one knows is no part."""
    return [
        _difference(name, before[name], now[name])
        for name in sorted(before.keys() & now.keys() - _MAY_DIFFER)
        if before[name] != now[name]
    ]


def _difference(name: str, before: object, now: object) -> str:
    if name == VARIABLES:
        was, is_now = differing_variables([str(before)], [str(now)])
        return f"environment variables: it was {was}, now it is {is_now}"
    fact = declared_facts().get(name)
    return f"{fact.label if fact else name}: it was {before}, now it is {now}"


def refuse_other_identity(what: str, before: dict[str, Any], now: dict[str, Any], run: str) -> None:
    """Raise IdentityError if a run would go on with something else than it was begun with."""
    if found := identity_differences(before, now):
        raise IdentityError(
            f"run {run} cannot go on: its {what} is another one: {'; '.join(found)}\n"
            "times of the two cannot stand in one table: start a new run"
        )


def keep_environment(store: RunStore, configuration: str, made: dict[str, str]) -> None:
    """Enter an environment's identity into the manifest, or hold it against what is there.

    Raises IdentityError if this run was begun with another one.
    """
    known = store.manifest().get("environments", {})
    if configuration in known:
        refuse_other_identity(
            f"environment {configuration}", known[configuration], made, store.name
        )
    else:
        store.amend(environments={**known, configuration: made})
