"""The options of the command line, each declared once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from runner import paths
from runner.cli.completion import (
    offer_backends,
    offer_configurations,
    offer_gpus,
    offer_models,
    offer_runs,
    offers_of,
    reproduced,
    studies,
)
from runner.spec.axes import Axis, declared_axes
from runner.spec.choices import (
    BUILD_JOBS,
    BuildOptions,
    DeviceChoice,
    Inside,
    LauncherChoice,
)
from runner.spec.facts import refuse_taken
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimits
from runner.spec.workload import DataSource


def option_of(name: str) -> str:
    """Return the option that sets a value of this name."""
    return "--" + name.replace("_", "-")


NONE: list[str] = []
LATEST = ["latest"]
PrintedStudy = Annotated[
    str | None,
    typer.Option(
        "--study",
        help="Print all figures of this study. [default: the article's tables of 2017]",
        autocompletion=studies,
    ),
]
Configs = Annotated[
    list[str],
    typer.Option(
        "--config",
        help="One or several configurations. [default: all]",
        autocompletion=offer_configurations,
    ),
]
Models = Annotated[
    list[str],
    typer.Option(
        "--model",
        help="One or several models. [default: the five of 2017]",
        autocompletion=offer_models,
    ),
]
Backends = Annotated[
    list[str],
    typer.Option(
        "--backend",
        help="One or several backends. [default: all]",
        autocompletion=offer_backends,
    ),
]
Kinds = Annotated[
    list[str],
    typer.Option(
        "--kind",
        help="One or several of images, environments, caches, containers, data, runs. "
        "[default: all but data and runs]",
    ),
]
SEVERAL = (
    *("--config", "--model", "--backend", "--kind", "--pin"),
    *map(option_of, declared_axes()),
    "--slurm",
)
RunDevice = Annotated[
    DeviceChoice,
    typer.Option("--device", help="What to train on; auto: the GPU if there is one."),
]
BuildDevice = Annotated[
    DeviceChoice,
    typer.Option("--device", help="Build for a GPU or a CPU; auto: the GPU if there is one."),
]
Gpu = Annotated[
    str | None,
    typer.Option(
        "--gpu",
        help="GPU by UUID or index; several equal ones with commas between, or all: a job on each "
        "at a time. [default: the first]",
        autocompletion=offer_gpus,
    ),
]


def _of_axis(name: str, axis: Axis) -> Any:
    """Return the option of an axis, with the values that its declaration names."""
    known = ", ".join(axis.values)
    is_number = axis.least is not None
    option = typer.Option(
        option_of(name),
        metavar="|".join(("N", *axis.values)) if is_number else "NAME",
        help=axis.help if is_number else f"{axis.help} One or several of {known}.",
        autocompletion=offers_of(name),
    )
    return Annotated[list[str], option]


Results = Annotated[Path, typer.Option("--results", help="Where runs are kept.")]
Launcher = Annotated[
    LauncherChoice,
    typer.Option(
        "--launcher",
        help="Where jobs run; auto: docker if an engine answers; slurm: on a cluster's nodes.",
    ),
]
ClusterRun = Annotated[
    str,
    typer.Argument(
        metavar="[RUN]", help="A run: a name, a folder, or latest.", autocompletion=offer_runs
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine", help="Docker engine: a socket's path or a URL. [default: DOCKER_HOST]"
    ),
]
Python = Annotated[
    Path | None,
    typer.Option("--python", help="Use this interpreter as it is (launcher local)."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=1, help="Longest time of a job in seconds.")
]
FirstOutput = Annotated[
    float,
    typer.Option("--first-output", min=1, help="Seconds until a job's first output."),
]
Silence = Annotated[
    float,
    typer.Option("--silence", min=1, help="Seconds that a job may be silent, as in an epoch."),
]
BuildTimeout = Annotated[
    float, typer.Option("--build-timeout", min=1, help="Seconds that one build may take.")
]
BuildJobs = Annotated[
    int, typer.Option("--build-jobs", min=1, help="Environments to make at the same time.")
]
PullTimeout = Annotated[
    float, typer.Option("--pull-timeout", min=1, help="Seconds to pull a base image.")
]
Retry = Annotated[
    str | None,
    typer.Option(
        "--retry",
        metavar="STATUS,...",
        help="With --resume, run these again too: failed,timeout; or all that are not ok.",
    ),
]
Wait = Annotated[
    float,
    typer.Option("--wait", min=0, help="Seconds to wait for a device that another run holds."),
]
BaseImage = Annotated[
    str | None,
    typer.Option("--base-image", help="Container base image. [default: the configuration's]"),
]
CaBundle = Annotated[
    Path | None, typer.Option("--ca-bundle", help="Extra CA certificates (PEM) for builds.")
]
PackageIndex = Annotated[
    str | None, typer.Option("--package-index", help="Python package index for builds.")
]
Wheels = Annotated[Path | None, typer.Option("--wheels", help="Folder of extra wheels for builds.")]
Runs = Annotated[
    list[str],
    typer.Argument(help="Runs: names, folders, or latest.", autocompletion=offer_runs),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print only errors, and at the end the table.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs: one object a line.")]
JsonInstead = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
MarkdownInstead = Annotated[
    bool, typer.Option("--markdown", help="Print Markdown, such as for a pull request.")
]
HtmlInstead = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file instead.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done, and do nothing (as plan).")
]
# What a run's request is asked with; its own defaults hold.
_REQUESTED: Mapping[str, Any] = {
    "study": Annotated[
        str | None,
        typer.Option(
            help="A published study: its configurations and models, where none are named.",
            autocompletion=reproduced,
        ),
    ],
    "config": Configs,
    "model": Models,
    "backend": Backends,
    "device": RunDevice,
    "gpu": Gpu,
    "epochs": Annotated[
        int | None, typer.Option(min=1, help="Epochs. [default: each model's own]")
    ],
    "seed": Annotated[int, typer.Option(min=0, help="Seed of the first repeat.")],
    "repeats": Annotated[int, typer.Option(min=1, help="Fresh processes per cell.")],
    "until": Annotated[
        str | None,
        typer.Option(help="Repeat until the interval is that narrow, such as 2%."),
    ],
    "max_repeats": Annotated[int, typer.Option(min=2, help="With --until, at most that many.")],
    "budget": Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Repeat until the fastest is known, at most: 10m."),
    ],
    "same_within": Annotated[
        str, typer.Option(help="Backends that differ by less count as equal.")
    ],
    "data": Annotated[
        DataSource | None,
        typer.Option(help="Where samples come from. [default: real if cached, or synthetic]"),
    ],
    "launcher": Launcher,
    "inside": Annotated[
        Inside | None,
        typer.Option(help="Where jobs run on a cluster's node. [default: auto]"),
    ],
    "partition": Annotated[str | None, typer.Option(metavar="NAME", help="Partition of Slurm.")],
    "account": Annotated[
        str | None, typer.Option(metavar="NAME", help="Account that Slurm charges.")
    ],
    "constraint": Annotated[
        str | None,
        typer.Option(metavar="FEATURE", help="Features that a node must have."),
    ],
    "time": Annotated[
        str | None,
        typer.Option(metavar="LIMIT", help="Slurm's limit of each job. [default: the partition's]"),
    ],
    "slurm": Annotated[
        list[str],
        typer.Option(
            metavar="KEY=VALUE",
            help="Other options of sbatch; exclusive=no, mem=no, gres=no: without the usual.",
        ),
    ],
    "engine": Engine,
    "python": Python,
    "memory": Annotated[
        int | None,
        typer.Option(min=1, help="A job's memory in GiB. [default: 80 % of the machine's]"),
    ],
    "image_data_format": Annotated[
        Literal["channels_first", "channels_last"] | None,
        typer.Option(help="Order of the axes. [default: the configuration's]"),
    ],
    "recurrent_activation": Annotated[
        Literal["hard_sigmoid", "sigmoid"] | None,
        typer.Option(
            help="Of the LSTMs; hard_sigmoid is 2017's. [default: the configuration's]",
        ),
    ],
    "base_image": BaseImage,
    "ca_bundle": CaBundle,
    "package_index": PackageIndex,
    "wheels": Wheels,
    **{name: _of_axis(name, axis) for name, axis in declared_axes().items()},
}
# What a call is told beside its request, by name: each with what it is when it is not given.
_CALL: Mapping[str, tuple[Any, Any]] = {
    "results_dir": (Results, paths.RESULTS),
    "name": (
        Annotated[
            str | None,
            typer.Option(help="Name of the run. [default: the time at which it begins]"),
        ],
        None,
    ),
    "resume": (
        Annotated[
            str | None,
            typer.Option(
                metavar="RUN",
                help="Continue a run: a name, a folder, or latest.",
                autocompletion=offer_runs,
            ),
        ],
        None,
    ),
    "retry": (Retry, None),
    "timeout": (Timeout, TimeLimits.wall),
    "first_output": (FirstOutput, TimeLimits.first_output),
    "silence": (Silence, TimeLimits.silence),
    "build_timeout": (BuildTimeout, BuildOptions.build_seconds),
    "pull_timeout": (PullTimeout, BuildOptions.pull_seconds),
    "build_jobs": (BuildJobs, BUILD_JOBS),
    "wait": (Wait, 0),
    "as_json": (Json, False),
}
# What ``run`` is told beside, which also acts.
_ACTING: Mapping[str, tuple[Any, Any]] = {
    "detach": (
        Annotated[
            bool, typer.Option("--detach", help="Hand the jobs in to Slurm and leave them to it.")
        ],
        False,
    ),
    "quiet": (Quiet, False),
    "dry_run": (DryRun, False),
}
refuse_taken([*_CALL, *_ACTING], "an option of the command line")
PLAN: Mapping[str, tuple[Any, Any]] = {
    **{name: (kind, Request.model_fields[name].default) for name, kind in _REQUESTED.items()},
    **_CALL,
}
RUN: Mapping[str, tuple[Any, Any]] = {**PLAN, **_ACTING}
# How the help groups them. An option that stands in no topic is listed last.
TOPICS: dict[str, tuple[str, ...]] = {
    "What to run": ("--study", "--config", "--model", "--backend", "--data"),
    "Device": ("--device", "--gpu", "--memory", "--wait"),
    "How it is computed": tuple(map(option_of, declared_axes())),
    "How much": ("--epochs", "--seed", "--repeats", "--until", "--max-repeats",
                 "--budget", "--same-within"),
    "Where jobs run": ("--launcher", "--engine", "--python", "--results", "--name"),
    "On a cluster": ("--inside", "--partition", "--account", "--constraint", "--time", "--slurm",
                     "--detach"),
    "After an interruption": ("--resume", "--retry"),
    "Time limits": (
        "--timeout", "--first-output", "--silence", "--build-timeout", "--pull-timeout",
    ),
    "Variants of the models": ("--image-data-format", "--recurrent-activation"),
    "Output": ("--dry-run", "--quiet", "--json", "--markdown", "--html"),
    "Builds": ("--build-jobs", "--base-image", "--ca-bundle", "--package-index", "--wheels"),
}  # fmt: skip


def topic_of(option: str) -> str:
    """Return the topic that the help lists an option under."""
    return next((topic for topic, names in TOPICS.items() if option in names), "Options")
