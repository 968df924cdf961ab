// Charts as SVG by Observable Plot: bars with intervals, stacked bars, and lines that a pointer or
// the arrow keys read point by point.
const COLOURS = 8;
const DASHES = [null, "7 4", "2 4", "10 3 2 3"];
// No wider than the window, so that a phone does not shrink the text.
const WIDTH = Math.min(460, Math.max(280, document.documentElement.clientWidth - 20));
const BAR_STEP = 40;

const ink = (place) => `var(--s${place})`;
const colour = (place) => ink(place % COLOURS);
const dash = (place) => DASHES[Math.floor(place / COLOURS) % DASHES.length];

// A chart as a file of its own: the page's colours are written into it, and its title above it.
const PAINTED = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "font-size", "font-family"];
const standalone = (drawing, title) => {
  const copy = drawing.cloneNode(true);
  const parts = [[drawing, copy], ...[...drawing.querySelectorAll("*")].map((part, n) => [part, copy.querySelectorAll("*")[n]])];
  for (const [shown, made] of parts) {
    const style = getComputedStyle(shown);
    for (const name of PAINTED) made.setAttribute(name, style.getPropertyValue(name));
  }
  const [, , width, height] = drawing.getAttribute("viewBox").split(" ").map(Number);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `0 -26 ${width} ${height + 26}`);
  copy.setAttribute("height", height + 26);
  const { color, fontFamily } = getComputedStyle(document.body);
  const { backgroundColor } = getComputedStyle(document.body);
  copy.prepend(svg("rect", { y: -26, width, height: height + 26, fill: backgroundColor }));
  copy.append(svg("text", { x: 2, y: -9, fill: color, "font-family": fontFamily, "font-size": 14, "font-weight": 600 }, title));
  return new XMLSerializer().serializeToString(copy);
};
const fileName = (title) => `${title.replace(/[^\w.-]+/g, "-").replace(/-+$/, "")}.svg`;

const figure = (title, drawing) => {
  const button = html("button", { type: "button", class: "save", "aria-label": `Save ${title} as SVG` }, "SVG");
  button.addEventListener("click", () => save(fileName(title), "image/svg+xml", standalone(drawing, title)));
  return html("figure", {}, html("figcaption", {}, title, button), drawing);
};

const plot = (label, options) => {
  const drawing = Plot.plot({ width: WIDTH, className: "plot", ariaLabel: label, ...options });
  // The page's policy refuses a style that is not its own; report.css holds what this one says.
  drawing.querySelector("style").remove();
  drawing.setAttribute("role", "img");
  return drawing;
};

// Rows one below another: a name above each bar and its text to the right of it.
const rowsPlot = (title, rows, most, marks) => {
  const words = { y: "label", frameAnchor: "left", textAnchor: "start" };
  return figure(title, plot(`${title}: ${rows.map((row) => `${row.label} ${row.text}`).join("; ")}`, {
    height: rows.length * BAR_STEP + 4,
    margin: 0,
    marginRight: 92,
    x: { axis: null, domain: [0, most || 1] },
    y: { axis: null, domain: rows.map(({ label }) => label), padding: 0, round: false },
    marks: [
      ...marks,
      Plot.text(rows, { ...words, text: "label", dy: -11 }),
      Plot.text(rows, { y: "label", text: "short", frameAnchor: "right", textAnchor: "end", dx: 92, dy: 6 }),
    ],
  }));
};
const INSETS = { insetTop: 18, insetBottom: 7 };

// rows: {label, value, low, high, text, short, place}; a row without a value shows its text alone.
const barChart = (title, rows) => {
  const timed = rows.filter(({ value }) => !isMissing(value));
  const spread = timed.filter(({ low, high }) => !isMissing(low) && !isMissing(high));
  const most = Math.max(0, ...timed.map(({ value, high }) => Math.max(value, high ?? 0)));
  const named = ({ label, text }) => `${label}: ${text}`;
  return rowsPlot(title, rows, most, [
    Plot.barX(timed, { x: most, y: "label", fill: "var(--panel)", ...INSETS }),
    Plot.barX(timed, { x: "value", y: "label", fill: ({ place }) => colour(place), title: named, ...INSETS }),
    Plot.ruleY(spread, { x1: "low", x2: "high", y: "label", strokeWidth: 1.5, marker: "tick", dy: 5.5 }),
  ]);
};

// rows: {label, parts: [{name, value, place}]}.
const stackedChart = (title, rows) => {
  const seconds = (value) => `${significant(value)} s`;
  const total = (row) => row.parts.reduce((sum, part) => sum + part.value, 0);
  const told = rows.map((row) => ({
    label: row.label,
    text: row.parts.map(({ name, value }) => `${name} ${seconds(value)}`).join(", "),
    short: seconds(total(row)),
  }));
  const parts = rows.flatMap(({ label, parts }) => parts.map((part) => ({ label, ...part })));
  const named = ({ label, name, value }) => `${label}, ${name}: ${seconds(value)}`;
  return rowsPlot(title, told, Math.max(...rows.map(total)), [
    Plot.barX(parts, { x: "value", y: "label", fill: ({ place }) => ink(place), title: named, insetRight: 0.75, ...INSETS }),
  ]);
};

const key = (shape, text) => html("li", {}, svg("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, shape), text);
const lineKey = (place, text) =>
  key(svg("path", { d: "M0 6H26", stroke: colour(place), "stroke-width": 2, "stroke-dasharray": dash(place) }), text);
const fillKey = (place, text) => key(svg("rect", { width: 26, height: 12, fill: ink(place) }), text);

const ending = ({ label, y }) => `${label} ends at ${shown(y.at(-1), "number")}`;

const lineMarks = ({ place, x, y, low, high }) => {
  const own = colour(place);
  const spread = { x, y1: low, y2: high, fill: own, fillOpacity: 0.15 };
  return [
    ...(low && high ? [Plot.areaY({ length: x.length }, spread)] : []),
    Plot.line({ length: x.length }, { x, y, stroke: own, strokeWidth: 2, strokeDasharray: dash(place) }),
    ...(x.length <= 25 ? [Plot.dot({ length: x.length }, { x, y, fill: own, r: 2.5 })] : []),
  ];
};

// From the least to the greatest value drawn; around a value that never changes, some room.
const spanned = (series) => {
  const [least, most] = d3.extent(series.flatMap(({ y, low, high }) => [...y, ...(low ?? []), ...(high ?? [])]));
  const room = least === most ? Math.abs(least) / 2 || 1 : 0;
  return [least - room, most + room];
};

// Seconds: the height of a line is a time.
const fromZero = (series) => [0, Math.max(spanned(series)[1], 0)];

// series: {label, place, x, y, low, high}; range: from them to the values that the chart spans.
// Null where there is nothing to draw.
const lineChart = (title, xLabel, range, series) => {
  const drawn = series.filter(({ y }) => y && y.some((value) => !isMissing(value)));
  if (!drawn.length) return null;
  const counted = d3.ticks(...d3.extent(drawn.flatMap(({ x }) => x)), 6).filter(Number.isInteger);
  const ticks = xLabel === "epoch" ? { ticks: counted, tickFormat: "d" } : { ticks: 6 };
  const begun = xLabel === "epoch" ? {} : { domain: [0, d3.max(drawn.flatMap(({ x }) => x))] };
  const drawing = plot(`${title}; ${drawn.map(ending).join("; ")}`, {
    height: 248,
    marginLeft: 46,
    marginRight: 20,
    marginTop: 8,
    marginBottom: 40,
    x: { label: xLabel, labelAnchor: "center", labelArrow: "none", tickSize: 0, inset: 6, ...ticks, ...begun },
    y: { domain: range(drawn), label: null, nice: 4, ticks: 4, tickSize: 0, grid: true },
    marks: drawn.flatMap(lineMarks),
  });
  const made = figure(title, drawing);
  readable(made, drawing, drawn, xLabel);
  return made;
};

// Lets a pointer or the arrow keys read a chart: a guide and what each line holds near it.
const readable = (made, drawing, series, xLabel) => {
  const [scaleX, scaleY] = ["x", "y"].map((name) => drawing.scale(name));
  const places = d3.sort(new Set(series.flatMap((one) => one.x)));
  const reading = html("div", { class: "reading", role: "status" });
  const guide = svg("path", { class: "guide" });
  drawing.append(guide);
  drawing.setAttribute("tabindex", "0");
  made.append(reading);
  let here = -1;
  const nearest = (list, wanted) => d3.leastIndex(list, (value) => Math.abs(value - wanted));
  const show = (number) => {
    here = number;
    const x = places[here];
    guide.setAttribute("d", `M${scaleX.apply(x)} ${scaleY.range[1]}V${scaleY.range[0]}`);
    const lines = series.filter((one) => x <= one.x.at(-1) && x >= one.x[0]).map((one) =>
      `${one.label}: ${shown(one.y[nearest(one.x, x)], "number")}`);
    reading.textContent = [`${xLabel} ${significant(x)}`, ...lines].join("\n");
  };
  const hide = () => {
    here = -1;
    guide.removeAttribute("d");
    reading.textContent = "";
  };
  drawing.addEventListener("pointermove", (event) => {
    const [x] = d3.pointer(event, drawing);
    show(nearest(places.map((value) => scaleX.apply(value)), x));
  });
  drawing.addEventListener("pointerleave", hide);
  drawing.addEventListener("blur", hide);
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (step === undefined) return;
    event.preventDefault();
    show(Math.min(Math.max(here + step, 0), places.length - 1));
  });
};
