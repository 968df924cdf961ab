"""The columns of the tidy table and their types, and what tells its cells apart."""

from runner.spec.axes import declared_axes
from runner.spec.variables import VARIABLES

# The order in which they happen. Epochs hold their validation, as everywhere.
PHASES = (
    "start",
    "import",
    "data",
    "build",
    "set_up",
    "first_epoch",
    "later_epochs",
    "limits",
    "test",
    "teardown",
)
PHASE_COLUMNS = {f"{name}_seconds": "Float64" for name in PHASES}
LATENCY_COLUMNS = {
    "latency_p50_seconds": "Float64",
    "latency_p90_seconds": "Float64",
    "latency_p99_seconds": "Float64",
    "latency_batches": "Int64",
}
LIMIT_COLUMNS = {
    "steps_per_epoch": "Int64",
    "flops_per_sample_forward": "Int64",
    "flops_per_sample_training": "Int64",
    "peak_flops_per_second": "Float64",
    "input_seconds_per_epoch": "Float64",
}
# What of a cell its jobs are asked for by: ``settings`` are the values of the axes that vary.
# ``machine`` tells apart what different machines measured, and ``variant`` what more than one run
# measured under the same names: see ``runner.tables.variants``.
ASKED = ["model", "configuration", "backend", "device", "settings"]
SAME_ASKED = [*ASKED, "machine"]
CELL = [*SAME_ASKED, "variant"]
# Where these differ, the times are of other work or of another machine.
WORK = {
    "device_name": "device",
    "cpu_model": "processor",
    "data_source": "data source",
    **{name: name.replace("_", " ") for name in declared_axes()},
    "parameters": "parameters",
    "recurrent_activation": "recurrent activation",
}
# Where these differ, the environment is another one.
ENVIRONMENT = [
    "keras_version", "backend_version", "python_version", "packages_sha256", "driver", VARIABLES,
]  # fmt: skip
TELEMETRY_COLUMNS: dict[str, str] = {
    "foreign_load": "Float64",
    "cpu_mhz": "Float64",
    "gpu_utilization": "Float64",
    "gpu_temperature": "Float64",
    "gpu_power_w": "Float64",
    "gpu_sm_mhz": "Float64",
    "gpu_joules_per_epoch": "Float64",
    "cpu_joules_per_epoch": "Float64",
    "throttle": "string",
    "exclusive": "string",
    "paused_seconds": "Float64",
}
COLUMNS: dict[str, str] = {
    "run": "string",
    "job": "string",
    "configuration": "string",
    "backend": "string",
    "model": "string",
    "settings": "string",
    "machine": "string",
    "variant": "string",
    "repeat": "Int64",
    "status": "string",
    "reason": "string",
    "epoch": "Int64",
    "seconds": "Float64",
    "epoch_paused_seconds": "Float64",
    "samples": "Int64",
    "loss": "Float64",
    "accuracy": "Float64",
    "val_loss": "Float64",
    "val_accuracy": "Float64",
    "test_loss": "Float64",
    "test_accuracy": "Float64",
    "keras_version": "string",
    "backend_version": "string",
    "python_version": "string",
    "launcher": "string",
    "device": "string",
    "device_name": "string",
    "device_uuid": "string",
    "driver": "string",
    **{name: axis.column_type for name, axis in declared_axes().items()},
    "data_source": "string",
    "data_sha256": "string",
    "samples_asked": "Int64",
    # The names of the axes that vary in the run.
    "varied": "string",
    "image_data_format": "string",
    "recurrent_activation": "string",
    "fused_kernels": "string",
    "parameters": "Int64",
    "seed": "Int64",
    "cache_warm": "boolean",
    **PHASE_COLUMNS,
    **LIMIT_COLUMNS,
    **LATENCY_COLUMNS,
    "wall_seconds": "Float64",
    "peak_memory_bytes": "Int64",
    "gpu_peak_memory_bytes": "Int64",
    "image_digest": "string",
    "base_digest": "string",
    "base_repo_digest": "string",
    "lock_sha256": "string",
    "packages_sha256": "string",
    VARIABLES: "string",
    "models_sha256": "string",
    "runner_version": "string",
    "git_commit": "string",
    "kernel": "string",
    "cpu_model": "string",
    "node": "string",
    "cpus": "string",
    **TELEMETRY_COLUMNS,
    "disturbance": "string",
    "looks": "Int64",
    "same_within": "Float64",
    "started": "string",
}
# Of ``runner.tables.per_cell.summarize``: one row per cell.
SUMMARY_COLUMNS: dict[str, str] = {
    **dict.fromkeys(CELL, "string"),
    "seconds_per_epoch": "Float64",
    "seconds_low": "Float64",
    "seconds_high": "Float64",
    "first_epoch_seconds": "Float64",
    "repeats": "Int64",
    "epochs": "Int64",
    "val_accuracy": "Float64",
    "samples": "Int64",
    "phase": "string",
    "size": "string",
    "data_source": "string",
    "device_name": "string",
    "keras_version": "string",
    "disturbance": "string",
    "warnings": "string",
    "status": "string",
    "reason": "string",
}
# What ``runner.tables.published.with_published`` puts beside it, without the figures in words, a
# column per kind that a study has.
PUBLISHED_COLUMNS: dict[str, str] = {
    "published_seconds": "Float64",
    "basis": "string",
    "published_ratio": "Float64",
    "measured_ratio": "Float64",
}
