"""The published figures of 2017, read from their CSV files, each with its source.

Nothing is typed in here: which figures count is decided by the columns of the files.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from runner import paths
from runner.workloads import published_workloads

BACKENDS = ("tensorflow", "cntk", "mxnet", "theano")
# The versions that the article names; a notebook figure of another version is another set-up.
_ARTICLE_KERAS = {"tensorflow": "2.0.8", "cntk": "2.0.8", "theano": "2.0.8", "mxnet": "1.2.2"}
_ARTICLE_FRAMEWORK = {"tensorflow": "1.3.0", "cntk": "2.1", "theano": "0.9.0", "mxnet": "0.11.0"}


def _read(name: str, root: Path) -> pd.DataFrame:
    return pd.read_csv(root / name, dtype={"keras_version": str, "framework_version": str})


def notebooks(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return the whole-run figures of the author's notebooks that fit the article's set-up.

    Left out: figures without seconds, of another Keras or framework version, of a backend that is
    not named, on a CPU, and best-of timings. Columns as in ``bhatia2017_totals.csv``; seconds per
    epoch = total / epochs, so the first epoch's one-time work is inside.
    """
    totals = _read("bhatia2017_totals.csv", root)
    fits = (
        totals["seconds_per_epoch"].notna()
        & (totals["timeit"] == "mean")
        & ~totals["gpu"].str.startswith("none")
        & (totals["keras_version"] == totals["backend"].map(_ARTICLE_KERAS))
        & (totals["framework_version"] == totals["backend"].map(_ARTICLE_FRAMEWORK))
    )
    return totals[fits].reset_index(drop=True)


def article(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return what the article's text states per test and backend, in seconds per epoch."""
    return _read("bhatia2017_article.csv", root)


def _span(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:.4g}" if low == high else f"{low:.4g}-{high:.4g}"


def _article_text(row: pd.Series) -> str:
    """Return a cell of the article in words: its figure, or why there is none."""
    if pd.notna(row["seconds_per_epoch_low"]):
        return _span(pd.Series([row["seconds_per_epoch_low"], row["seconds_per_epoch_high"]]))
    return "not run" if str(row["statement"]).startswith("not run") else "image"


def cells(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return one row per model and backend.

    ``article`` and ``notebook`` are the published seconds per epoch in words; ``seconds`` is the
    one number to compare with: the median of the notebook figures, else the middle of the
    article's range, else missing; ``basis`` says which it is; ``published_ratio`` is it over
    TensorFlow's of the same test; ``statement`` is the article's own.
    """
    runs = notebooks(root)
    stated = article(root)
    rows = []
    for workload in published_workloads():
        for backend in BACKENDS:
            said = stated[(stated["test"] == workload.test) & (stated["backend"] == backend)].iloc[
                0
            ]
            found = runs[(runs["test"] == workload.test) & (runs["backend"] == backend)]
            middle = (said["seconds_per_epoch_low"] + said["seconds_per_epoch_high"]) / 2
            has_notebook, has_article = not found.empty, pd.notna(middle)
            rows.append(
                {
                    "model": workload.name,
                    "backend": backend,
                    "article": _article_text(said),
                    "notebook": _span(found["seconds_per_epoch"]) if has_notebook else "-",
                    "seconds": found["seconds_per_epoch"].median() if has_notebook else middle,
                    "basis": "notebook" if has_notebook else "article" if has_article else None,
                    "statement": said["statement"],
                    "source": found["source"].iloc[-1] if has_notebook else said["source"],
                }
            )
    return _with_ratio(pd.DataFrame(rows), "seconds", "published_ratio", ["model"])


def _with_ratio(frame: pd.DataFrame, seconds: str, ratio: str, by: list[str]) -> pd.DataFrame:
    """Return ``frame`` with each cell's seconds over TensorFlow's of the same group."""
    of_tensorflow = frame[frame["backend"] == "tensorflow"].groupby(by)[seconds].first()
    base = frame.join(of_tensorflow.rename("base"), on=by)["base"]
    return frame.assign(**{ratio: frame[seconds] / base})


def setups(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return what each published series ran on, one row per backend; unknown is missing."""
    return pd.read_csv(root / "setups.csv", dtype=str)


def _bhatia(root: Path) -> pd.DataFrame:
    return cells(root).assign(series="bhatia2017", gpu="Tesla K80")


def _minimaxir(root: Path) -> pd.DataFrame:
    """Return minimaxir's means after the first epoch, without the files that repeat older ones."""
    found = _read("minimaxir2017_summary.csv", root)
    fresh = found[found["note"].isna() & ~found["gpu"].str.startswith("none")]
    return fresh.assign(
        series="minimaxir" + fresh["series"], seconds=fresh["seconds_mean_after_first"]
    )


def _szilard(root: Path) -> pd.DataFrame:
    """Return szilard's means, without the columns that repeat minimaxir's."""
    found = _read("szilard2017_keras_backend.csv", root)
    fresh = found[found["note"].isna()]
    return fresh.assign(series="szilard2017", seconds=fresh["seconds_per_epoch"])


def series(root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return every published figure of one of our models on a GPU.

    Columns series, gpu, model, backend, seconds (per epoch) and source. minimaxir's leave out
    the first epoch; the others hold it.
    """
    columns = ["series", "gpu", "model", "backend", "seconds", "source"]
    parts = [part(root)[columns] for part in (_bhatia, _minimaxir, _szilard)]
    known = pd.concat(parts, ignore_index=True)
    return known[
        known["model"].isin([w.name for w in published_workloads()]) & known["seconds"].notna()
    ]


def compare(summary: pd.DataFrame, root: Path = paths.PUBLISHED) -> pd.DataFrame:
    """Return the summary with the published figures and the ratios to TensorFlow beside it.

    ``published_seconds`` in seconds per epoch; ``measured_ratio`` and ``published_ratio`` are each
    cell over TensorFlow's of the same test and, for measured ones, the same device: the card
    differs, so only the ratios can be set side by side. Missing where either side is missing.
    """
    known = cells(root).rename(columns={"seconds": "published_seconds"})
    known = known.drop(columns=["statement", "source"])
    keys = {"model": "string", "backend": "string"}
    merged = summary.astype(keys).merge(known.astype(keys), on=list(keys), how="left")
    return _with_ratio(merged, "seconds_per_epoch", "measured_ratio", ["model", "device"])
