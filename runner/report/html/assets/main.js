// The page: data, tables and charts, and the one filter over them all.
const data = JSON.parse(at("data").textContent);
const cells = unpack(data.cells);
const jobs = unpack(data.jobs);
const phaseCells = unpack(data.phases);

const CELL_COLUMNS = [
  { key: "model", label: "model", kind: "text" },
  { key: "backend", label: "backend", kind: "text" },
  { key: "configuration", label: "configuration", kind: "text" },
  { key: "device", label: "device", kind: "text" },
  ...(data.varied.length ? [{ key: "settings", label: "settings", kind: "text" }] : []),
  ...[["machine", "machine"], ["variant", "run"]]
    .filter(([key]) => new Set(cells.map((cell) => cell[key])).size > 1)
    .map(([key, label]) => ({ key, label, kind: "text" })),
];
// Columns in which some cell has a value.
const known = (columns) => columns.filter(({ key }) => cells.some((cell) => cell[key] !== null));
const COLUMNS = {
  // What is read first stands first: a phone shows three columns.
  cells: [
    ...CELL_COLUMNS.slice(0, 2),
    { key: "seconds_per_epoch", text: "figure", label: "s per epoch", kind: "seconds", title: "Geometric mean over processes of each one's median over its epochs after the first, with half its 95 % interval" },
    { key: "samples_per_second", label: "samples/s", kind: "number", title: "Samples trained in an epoch over its seconds, validation included" },
    { key: "ms_per_step", label: "ms per step", kind: "number", title: "Seconds per epoch over its training steps" },
    { key: "peak_memory_bytes", label: "peak memory", kind: "bytes", title: "The most that any job of the cell reached" },
    ...known([
      { key: "gpu_peak_memory_bytes", label: "peak GPU memory", kind: "bytes", title: "The most that any job of the cell reached, as its framework counts it" },
      { key: "joules_per_epoch", label: "J per epoch", kind: "number", title: "Energy of the card, or of the processor where the job ran there" },
      { key: "samples_per_joule", label: "samples/J", kind: "number", title: "Samples trained in an epoch over its energy" },
      ...["p50", "p90", "p99"].map((part) => ({
        key: `latency_${part}_seconds`, label: `batch ${part}, s`, kind: "seconds",
        title: "Seconds in which that part of single batches, in percent, were predicted, each waited for",
      })),
    ]),
    { key: "measured_ratio", label: "\u00d7 TF", kind: "ratio", title: "Over TensorFlow's of the same test and device" },
    ...(data.published_titles.published_ratio
      ? [{ key: "published_ratio", label: data.published_titles.published_ratio.replace("x", "\u00d7"), kind: "ratio" }]
      : []),
    { key: "status", label: "status", kind: "status" },
    ...CELL_COLUMNS.slice(2),
    ...Object.entries(data.published_titles)
      .filter(([key]) => key !== "published_ratio")
      .map(([key, title]) => ({ key, label: `${title}, s`, kind: "text" })),
    { key: "first_epoch_seconds", label: "first epoch, s", kind: "seconds" },
    { key: "val_accuracy", label: "val. accuracy", kind: "fraction" },
    { key: "repeats", label: "processes", kind: "integer" },
    { key: "epochs", label: "epochs", kind: "integer", title: "Epochs after the first, of all processes" },
    { key: "samples", label: "samples per epoch", kind: "integer" },
    { key: "data_source", label: "data", kind: "text" },
    { key: "device_name", label: "device's name", kind: "words" },
    { key: "reason", label: "reason", kind: "words" },
  ],
  phases: [
    ...CELL_COLUMNS,
    ...data.phase_names.map((name) => ({ key: `${name}_seconds`, label: `${phaseLabel(name)}, s`, kind: "seconds" })),
    { key: "unaccounted_seconds", label: "unaccounted, s", kind: "seconds" },
    { key: "wall_seconds", label: "wall, s", kind: "seconds" },
  ],
  limits: [
    ...CELL_COLUMNS,
    { key: "ms_per_step", label: "ms per step", kind: "number" },
    { key: "flops_per_second", label: "GFLOP/s", kind: "giga" },
    { key: "peak_flops_per_second", label: "peak GFLOP/s", kind: "giga" },
    { key: "of_peak", label: "of peak", kind: "percent" },
    { key: "input_share", label: "input share", kind: "percent" },
    { key: "finding", label: "finding", kind: "words" },
  ],
  telemetry: [
    ...CELL_COLUMNS,
    { key: "foreign_load", label: "load of others, cores", kind: "number" },
    { key: "cpu_mhz", label: "CPU, MHz", kind: "number" },
    { key: "gpu_utilization", label: "GPU, %", kind: "number" },
    { key: "gpu_temperature", label: "GPU, \u00b0C", kind: "number" },
    { key: "gpu_power_w", label: "GPU, W", kind: "number" },
    { key: "gpu_sm_mhz", label: "GPU clock, MHz", kind: "number" },
    { key: "gpu_joules_per_epoch", label: "GPU, J per epoch", kind: "number" },
    { key: "cpu_joules_per_epoch", label: "CPU, J per epoch", kind: "number" },
    { key: "throttle", label: "throttled by", kind: "words" },
    { key: "paused_seconds", label: "paused, s", kind: "number" },
  ],
  jobs: [
    { key: "job", label: "job", kind: "text" },
    { key: "status", label: "status", kind: "status" },
    { key: "seconds_per_epoch", label: "s per epoch", kind: "seconds" },
    ...(new Set(jobs.map(({ run }) => run)).size > 1 ? [{ key: "run", label: "run", kind: "text" }] : []),
    { key: "model", label: "model", kind: "text" },
    { key: "backend", label: "backend", kind: "text" },
    { key: "repeat", label: "repeat", kind: "integer" },
    { key: "first_epoch_seconds", label: "first epoch, s", kind: "seconds" },
    { key: "epochs", label: "epochs", kind: "integer" },
    { key: "last_val_accuracy", label: "val. accuracy", kind: "fraction" },
    { key: "wall_seconds", label: "wall, s", kind: "seconds" },
    { key: "reason", label: "reason", kind: "words" },
    { key: "warnings", label: "warnings", kind: "words" },
  ],
};

function phaseLabel(name) {
  return name.replaceAll("_", " ");
}

function phaseParts(row, names) {
  return [...names, "unaccounted"]
    .map((name, place) => ({ name: phaseLabel(name), value: row[`${name}_seconds`] ?? 0, place }))
    .filter(({ value }) => value > 0);
}

// A cell's name without what all cells share, and its place, which gives it a colour.
const several = (name) => new Set(cells.map((cell) => cell[name])).size > 1;
const namedBy = ["configuration", "device", "settings", "machine", "variant"].filter(several);
const cellName = (cell) => {
  const words = namedBy.map((name) => cell[name]).filter(Boolean);
  return cell.backend + (words.length ? ` (${words.join(", ")})` : "");
};
const places = new Map();
for (const cell of cells) if (!places.has(cellName(cell))) places.set(cellName(cell), places.size);
const placeOf = (cell) => places.get(cellName(cell));

const tables = ["cells", "phases", "limits", "telemetry"]
  .filter((name) => data[name].length)
  .map((name) => {
    const rows = name === "cells" ? cells : name === "phases" ? phaseCells : unpack(data[name]);
    const label = at(name).querySelector("h2").textContent;
    return new DataTable(name, label, COLUMNS[name], rows, () => remember());
  });
const jobTable = new DataTable("jobs", "Jobs", COLUMNS.jobs, jobs, () => remember(), (job) =>
  jobDetail(job, data.phase_names, data.job_telemetry[job.position]));

// The filter.
const statusOf = new Map(cells.map((cell) => [cellKey(cell), cell.status]));
function cellKey({ model, backend, configuration, device, settings, machine, variant }) {
  return [model, configuration, backend, device, settings, machine, variant].join("\n");
}
const SEARCHED = ["job", "run", "model", "backend", "configuration", "device", "settings", "machine", "node", "status", "reason", "device_name"];
const searchText = (row) => SEARCHED.map((name) => row[name] ?? "").join("\n").toLowerCase();
const searched = new Map(jobs.map((job) => [job, searchText(job)]));

const choice = (name) => at(`filter-${name}`).value;
const accepting = () => {
  const words = at("filter-text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const [status, model, backend] = ["status", "model", "backend"].map(choice);
  return (row) => {
    const statuses = (row.status ?? statusOf.get(cellKey(row)) ?? "").split("/");
    if ((status && !statuses.includes(status)) || (model && row.model !== model)) return false;
    if (backend && row.backend !== backend) return false;
    if (data.varied.some((name) => choice(name) && choice(name) !== String(row[name]))) return false;
    const text = searched.get(row) ?? searchText(row);
    return words.every((word) => text.includes(word));
  };
};

// Jobs are searched word by word; a cell counts where it has such a job.
const acceptingCells = (found) => {
  const kept = new Set(found.map(cellKey));
  return (row) => kept.has(cellKey(row));
};

const fill = (name) => {
  for (const value of new Set(jobs.map((job) => job[name]))) {
    at(`filter-${name}`).append(html("option", { value }, value));
  }
};

// Fastest first; what has no time comes last.
const bySeconds = (rows, seconds) => [...rows].sort((a, b) =>
  isMissing(seconds(a)) - isMissing(seconds(b)) || (seconds(a) ?? 0) - (seconds(b) ?? 0));

// The charts, a figure per model.
const byModel = (rows, chart) => {
  const models = [...new Set(cells.map(({ model }) => model))];
  return models.flatMap((model) => {
    const own = rows.filter((row) => row.model === model);
    return own.length ? chart(model, own) : [];
  }).filter((made) => made !== null);
};
const place = (id, charts) =>
  at(id).replaceChildren(...(charts.length ? charts : [html("p", { class: "none" }, "Nothing to draw.")]));

const bar = (cell) => {
  const { seconds_per_epoch: value, figure, has_interval: isDrawn } = cell;
  const [low, high] = isDrawn ? [cell.seconds_low, cell.seconds_high] : [null, null];
  const none = cell.status === "ok" ? "one epoch only" : cell.status;
  const text = isMissing(value) ? none : `${figure} s`;
  const short = isMissing(value) ? none : `${FORMATS.seconds(value)} s`;
  return { label: cellName(cell), value, low, high, text, short, place: placeOf(cell) };
};

const speedBar = (row) => {
  const { speed: value, low, high, obstacle } = row;
  const short = value.toFixed(2);
  const span = isMissing(low) ? "" : `, interval ${low.toFixed(2)} to ${high.toFixed(2)}`;
  const text = `${short} times the fastest's speed${span}${obstacle ? `; not compared: ${obstacle}` : ""}`;
  return { label: cellName(row) + (obstacle ? `, not compared: ${obstacle}` : ""), value, low, high, text, short, place: placeOf(row) };
};
const drawSpeeds = () => {
  if (!data.speeds.length) return;
  at("speed").hidden = false;
  place("speed-charts", data.speeds.map(({ name, rows }) => barChart(`${name}: speed`, rows.map(speedBar))));
};

const AXES = { epoch: "epoch", elapsed: "seconds" };
const series = (metric, axis) => (cell) => ({
  label: cellName(cell), place: placeOf(cell), x: cell[axis], y: cell[metric],
  low: cell[`${metric}_min`], high: cell[`${metric}_max`],
});
const curveCharts = (accepts) => {
  const picked = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
  const [axis, part] = [picked("axis"), picked("part")];
  return byModel(data.curves.filter(accepts), (model, own) => [
    lineChart(`${model}: ${part ? "validation" : "training"} accuracy`, AXES[axis], spanned, own.map(series(`${part}accuracy`, axis))),
    lineChart(`${model}: ${part ? "validation" : "training"} loss`, AXES[axis], spanned, own.map(series(`${part}loss`, axis))),
    lineChart(`${model}: seconds of each epoch`, "epoch", fromZero, own.map(series("seconds", "epoch"))),
  ]);
};

const drawCharts = (accepts) => {
  place("bars-charts", byModel(cells.filter(accepts), (model, own) =>
    [barChart(model, bySeconds(own, (cell) => cell.seconds_per_epoch).map(bar))]));
  place("curves-charts", curveCharts(accepts));
  const timed = phaseCells.filter(accepts);
  place("phases-charts", byModel(timed, (model, own) =>
    [stackedChart(model, bySeconds(own, (row) => row.wall_seconds).map((row) => ({ label: cellName(row), parts: phaseParts(row, data.phase_names) })))]));
  const drawn = new Set(data.curves.filter(accepts).map(cellName));
  at("curves-legend").replaceChildren(
    ...[...places].filter(([name]) => drawn.has(name)).map(([name, number]) => lineKey(number, name)));
  const used = new Set(timed.flatMap((row) => phaseParts(row, data.phase_names)).map((part) => part.place));
  at("phases-legend").replaceChildren(
    ...[...data.phase_names, "unaccounted"].flatMap((name, n) => (used.has(n) ? [fillKey(n, phaseLabel(name))] : [])));
};

// What the address keeps after "#?": the filter and each table's order, so that a link shows them.
const CHOICES = ["text", "status", "model", "backend", ...data.varied];
const sortable = { jobs: jobTable };
for (const table of tables) sortable[table.id] = table;
const remember = () => {
  const kept = new URLSearchParams();
  for (const name of CHOICES) if (choice(name)) kept.set(name, choice(name));
  for (const [name, { key, sign }] of Object.entries(sortable)) {
    if (key !== null) kept.set(`sort-${name}`, (sign < 0 ? "-" : "") + key);
  }
  const said = kept.toString();
  if (said || location.hash.startsWith("#?")) history.replaceState(null, "", said ? `#?${said}` : "#");
};
const recall = () => {
  if (!location.hash.startsWith("#?")) return;
  const kept = new URLSearchParams(location.hash.slice(2));
  for (const name of CHOICES) at(`filter-${name}`).value = kept.get(name) ?? "";
  for (const [name, table] of Object.entries(sortable)) {
    const wanted = kept.get(`sort-${name}`) ?? "";
    const key = wanted.replace(/^-/, "");
    if (table.columns.some((column) => column.key === key)) table.arrange(key, wanted.startsWith("-") ? -1 : 1);
  }
};

const apply = () => {
  jobTable.filter(accepting());
  const accepts = acceptingCells(jobTable.found);
  for (const table of tables) table.filter(accepts);
  drawCharts(accepts);
  remember();
  markHidden();
  at("filter-count").textContent = `${grouped(jobTable.found.length)} of ${grouped(jobs.length)} jobs`;
};

let waiting = 0;
const applySoon = () => {
  clearTimeout(waiting);
  waiting = setTimeout(apply, 120);
};

// Dark and light: the system's choice until the button makes another, kept where the browser lets.
const THEME = "keras-backend-benchmarks-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const stored = () => {
  try { return localStorage.getItem(THEME); } catch { return null; }
};
const keep = (theme) => {
  try { localStorage.setItem(THEME, theme); } catch { /* a browser may refuse this to a file */ }
};
const paint = (theme) => {
  document.documentElement.dataset.theme = theme;
  at("theme").setAttribute("aria-pressed", String(theme === "dark"));
};
const ofSystem = () => (system.matches ? "dark" : "light");
paint(["dark", "light"].includes(stored()) ? stored() : ofSystem());
system.addEventListener("change", () => { if (!stored()) paint(ofSystem()); });
at("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  keep(theme);
  paint(theme);
});

["status", "model", "backend", ...data.varied].forEach(fill);
const csv = at("download-csv");
csv.hidden = false;
for (const [name, table, label] of [["cells", tables[0], "cells"], ["jobs", jobTable, "jobs"]]) {
  const button = html("button", { type: "button" }, `${label}.csv`);
  button.addEventListener("click", () => save(`${label}.csv`, "text/csv", csvOf(table.found, Object.keys(data[name].columns))));
  csv.append(button, " ");
}
csv.append("(what the filter leaves, with every column)");
addEventListener("hashchange", () => { recall(); if (location.hash.startsWith("#?")) apply(); });
addEventListener("resize", () => markHidden());
drawSpeeds();
recall();
at("filters").addEventListener("input", applySoon);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("filters").addEventListener("reset", () => setTimeout(apply, 0));
for (const input of document.querySelectorAll(".choices input")) input.addEventListener("change", apply);
apply();
