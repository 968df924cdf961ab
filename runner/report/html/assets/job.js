// What a job opens into.
const IDENTITY = [
  ["reason", "reason", "text"], ["warnings", "warnings", "text"], ["exit_code", "exit code", "integer"],
  ["started", "started", "text"], ["launcher", "launcher", "text"], ["device_name", "device", "text"],
  ["device_uuid", "device UUID", "text"], ["driver", "driver", "text"], ["cpus", "CPUs", "text"],
  ["threads", "threads", "integer"], ["keras_version", "Keras", "text"],
  ["backend_version", "backend's version", "text"], ["python_version", "Python", "text"],
  ["data_source", "data", "text"], ["data_sha256", "data SHA-256", "text"],
  ["batch_size", "batch size", "integer"], ["image_data_format", "image data format", "text"],
  ["recurrent_activation", "recurrent activation", "text"], ["fused_kernels", "fused kernels", "text"],
  ["parameters", "parameters", "integer"],
  ["seed", "seed", "text"], ["cache_warm", "compile cache warm", "text"],
  ["peak_memory_bytes", "peak memory", "bytes"], ["test_loss", "test loss", "number"],
  ["test_accuracy", "test accuracy", "fraction"], ["image_digest", "image", "text"],
  ["base_digest", "base image", "text"], ["lock_sha256", "lock SHA-256", "text"],
  ["packages_sha256", "packages SHA-256", "text"], ["throttle", "throttled by", "text"],
];
const MEASURES = [
  ["foreign_load", "Load of others, CPU cores"], ["cpu_mhz", "CPU frequency, MHz"],
  ["gpu_utilization", "GPU utilization, %"], ["gpu_temperature", "GPU temperature, degrees Celsius"],
  ["gpu_power_w", "GPU power, W"], ["gpu_sm_mhz", "GPU clock, MHz"],
];

const identity = (job) => {
  const told = IDENTITY.filter(([name]) => !isMissing(job[name]));
  return html("dl", {}, ...told.flatMap(([name, label, kind]) =>
    [html("dt", {}, label), html("dd", {}, shown(job[name], kind))]));
};

const jobPhases = (job, names) => {
  const parts = phaseParts(job, names);
  if (!parts.length) return html("p", { class: "note" }, "Phases: not recorded.");
  const keys = parts.map(({ name, value, place }) => fillKey(place, `${name} ${significant(value)} s`));
  return html("div", {},
    html("div", { class: "charts" }, stackedChart("Phases", [{ label: job.job, parts }])),
    html("ul", { class: "legend" }, ...keys));
};

const jobTelemetry = (series) => {
  if (!series) return [html("p", { class: "note" }, "Telemetry over time: not recorded, or left out of a report of many jobs.")];
  const charts = MEASURES.filter(([name]) => series[name]).map(([name, title]) =>
    lineChart(title, "seconds watched", spanned, [{ label: "mean", place: 0, x: series.at, y: series[name] }]));
  return [html("div", { class: "charts" }, ...charts)];
};

const logOf = (job) => {
  if (isMissing(job.log)) return [html("p", { class: "note" }, "Log: none kept.")];
  if (job.log === "") return [html("p", { class: "note" }, "Log: empty.")];
  return [
    html("h4", {}, `End of its log (of ${bytes(job.log_bytes)})`),
    html("pre", { tabindex: "0", "aria-label": "End of the log" }, job.log),
  ];
};

const jobDetail = (job, names, telemetry) =>
  [identity(job), jobPhases(job, names), ...jobTelemetry(telemetry), ...logOf(job)];
