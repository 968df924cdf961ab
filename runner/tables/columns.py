"""The columns of the tidy table and of what is made from it, and what tells its cells apart."""

from runner.spec.facts import Origin, declared_facts, fact_names

# By their names, in their order, the types for pandas.
COLUMNS: dict[str, str] = {name: fact.type for name, fact in declared_facts().items()}
# What a job ran in: all but what it is called and what it measured.
IDENTITY = fact_names(
    Origin.MACHINE, Origin.WORK, Origin.AXIS, Origin.ENVIRONMENT, Origin.CIRCUMSTANCE
)
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
PHASE_COLUMNS = tuple(f"{name}_seconds" for name in PHASES)
LATENCY_COLUMNS = (
    "latency_p50_seconds", "latency_p90_seconds", "latency_p99_seconds", "latency_batches",
)  # fmt: skip
LIMIT_COLUMNS = (
    "steps_per_epoch", "flops_per_sample_forward", "flops_per_sample_training",
    "peak_flops_per_second", "input_seconds_per_epoch",
)  # fmt: skip
TELEMETRY_COLUMNS = (
    "foreign_load", "cpu_mhz", "gpu_utilization", "gpu_temperature", "gpu_power_w", "gpu_sm_mhz",
    "gpu_joules_per_epoch", "cpu_joules_per_epoch", "throttle", "exclusive", "paused_seconds",
    "throttled_seconds",
)  # fmt: skip
# What of a cell its jobs are asked for by: ``settings`` are the values of the axes that vary.
# ``machine`` tells apart what different machines measured, and ``variant`` what more than one run
# measured under the same names: see ``runner.tables.variants``.
ASKED = ["model", "configuration", "backend", "device", "settings"]
SAME_ASKED = [*ASKED, "machine"]
CELL = [*SAME_ASKED, "variant"]
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
    "unobserved": "string",
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
