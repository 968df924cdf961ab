// Charts as SVG: bars with intervals, stacked bars, lines that can be read point by point.
const COLOURS = 8;
const DASHES = ["", "7 4", "2 4", "10 3 2 3"];
// No wider than the window, so that a phone does not shrink the text.
const WIDTH = Math.min(460, Math.max(280, document.documentElement.clientWidth - 20));

const dash = (place) => DASHES[Math.floor(place / COLOURS) % DASHES.length] || null;
const named = (node, text) => {
  node.append(svg("title", {}, text));
  return node;
};
const figure = (title, ...content) => html("figure", {}, html("figcaption", {}, title), ...content);

// Ticks at 1, 2 or 5 times a power of ten that cover low to high.
const ticks = (low, high, wanted, finest = 0) => {
  const rough = Math.max(finest, (high - low || Math.abs(high) || 1) / wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, n) => Number(((first + n) * step).toPrecision(12)));
};

// All ticks of an axis with as many decimals as their distance needs.
const tickLabels = (values) => {
  const step = values.length > 1 ? values[1] - values[0] : values[0] || 1;
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return values.map((value) => value.toLocaleString("en-US", digits));
};

const canvas = (height, label) =>
  svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });

// rows: {label, value, low, high, text, place}; a row without a value shows its text alone.
const barChart = (title, rows) => {
  const step = 40;
  const room = WIDTH - 92;
  const most = Math.max(0, ...rows.map(({ value, high }) => Math.max(value ?? 0, high ?? 0))) || 1;
  const scale = (value) => (room * value) / most;
  const label = `${title}: ${rows.map((row) => `${row.label} ${row.text}`).join("; ")}`;
  const drawing = canvas(rows.length * step + 4, label);
  rows.forEach((row, number) => {
    const top = number * step;
    drawing.append(svg("text", { x: 0, y: top + 13 }, row.label));
    if (isMissing(row.value)) {
      drawing.append(svg("text", { x: 0, y: top + 30, class: "axis" }, row.text));
      return;
    }
    const size = { y: top + 18, height: 15 };
    drawing.append(svg("rect", { x: 0, width: room, class: "track", ...size }));
    const bar = svg("rect", { x: 0, width: scale(row.value), class: `f${row.place % COLOURS}`, ...size });
    drawing.append(named(bar, `${row.label}: ${row.text}`));
    if (!isMissing(row.low) && !isMissing(row.high)) drawing.append(whisker(scale(row.low), scale(row.high), top + 25.5));
    drawing.append(svg("text", { x: WIDTH, y: top + 30, "text-anchor": "end" }, row.short));
  });
  return figure(title, drawing);
};

const whisker = (low, high, y) =>
  svg("path", { class: "whisker", d: `M${low} ${y}H${high}M${low} ${y - 4}V${y + 4}M${high} ${y - 4}V${y + 4}` });

// rows: {label, parts: [{name, value, place}]}.
const stackedChart = (title, rows) => {
  const step = 40;
  const room = WIDTH - 92;
  const total = (row) => row.parts.reduce((sum, part) => sum + part.value, 0);
  const most = Math.max(...rows.map(total)) || 1;
  const told = (row) => row.parts.map((part) => `${part.name} ${significant(part.value)} s`).join(", ");
  const drawing = canvas(rows.length * step + 4, `${title}: ${rows.map((row) => `${row.label}: ${told(row)}`).join("; ")}`);
  rows.forEach((row, number) => {
    const top = number * step;
    drawing.append(svg("text", { x: 0, y: top + 13 }, row.label));
    let x = 0;
    for (const part of row.parts) {
      const width = (room * part.value) / most;
      const shape = { x, y: top + 18, width: Math.max(0, width - (width > 2 ? 0.75 : 0)), height: 15 };
      const text = `${row.label}, ${part.name}: ${significant(part.value)} s`;
      drawing.append(named(svg("rect", { ...shape, class: `f${part.place}` }), text));
      x += width;
    }
    drawing.append(svg("text", { x: WIDTH, y: top + 30, "text-anchor": "end" }, `${significant(total(row))} s`));
  });
  return figure(title, drawing);
};

const key = (shape, text) => html("li", {}, svg("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, shape), text);
const lineKey = (place, text) =>
  key(svg("path", { d: "M0 6H26", class: `curve l${place % COLOURS}`, "stroke-dasharray": dash(place) }), text);
const fillKey = (place, text) => key(svg("rect", { width: 26, height: 12, class: `f${place}` }), text);

const path = (points) => {
  let pen = "M";
  let drawn = "";
  for (const [x, y] of points) {
    if (y === null) pen = "M";
    else {
      drawn += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
    }
  }
  return drawn;
};

const band = (xs, lows, highs, scaleX, scaleY) => {
  const kept = xs.map((_, n) => n).filter((n) => !isMissing(lows[n]) && !isMissing(highs[n]));
  const up = kept.map((n) => [scaleX(xs[n]), scaleY(highs[n])]);
  const down = kept.reverse().map((n) => [scaleX(xs[n]), scaleY(lows[n])]);
  return kept.length > 1 ? `${path([...up, ...down])}Z` : "";
};

const LEFT = 44;
const TOP = 8;
const BOTTOM = 208;

const frame = (drawing, xTicks, yTicks, scaleX, scaleY, xLabel) => {
  const [xLabels, yLabels] = [tickLabels(xTicks), tickLabels(yTicks)];
  yTicks.forEach((y, n) => {
    drawing.append(svg("path", { class: "grid", d: `M${LEFT} ${scaleY(y)}H${WIDTH - 8}` }));
    drawing.append(svg("text", { class: "axis", x: LEFT - 6, y: scaleY(y) + 4, "text-anchor": "end" }, yLabels[n]));
  });
  xTicks.forEach((x, n) => {
    drawing.append(svg("text", { class: "axis", x: scaleX(x), y: BOTTOM + 16, "text-anchor": "middle" }, xLabels[n]));
  });
  drawing.append(svg("text", { class: "axis", x: (LEFT + WIDTH) / 2, y: BOTTOM + 32, "text-anchor": "middle" }, xLabel));
};

const extent = (values) => {
  const known = values.filter((value) => !isMissing(value));
  return known.length ? [Math.min(...known), Math.max(...known)] : null;
};

// series: {label, place, x, y, low, high, epoch}. Null where there is nothing to draw.
const lineChart = (title, xLabel, series) => {
  const drawn = series.filter(({ y }) => y && y.some((value) => !isMissing(value)));
  if (!drawn.length) return null;
  const xs = extent(drawn.flatMap((one) => one.x));
  const ys = extent(drawn.flatMap((one) => [...one.y, ...(one.low ?? []), ...(one.high ?? [])]));
  const finest = xLabel === "epoch" ? 1 : 0;
  const xTicks = ticks(xs[0], xs[1], 6, finest).filter((x) => x >= xs[0] && x <= xs[1]);
  const yTicks = ticks(ys[0], ys[1], 4);
  const scaleX = (x) => (xs[1] === xs[0] ? (LEFT + WIDTH) / 2 : LEFT + 6 + ((WIDTH - LEFT - 26) * (x - xs[0])) / (xs[1] - xs[0]));
  const [bottom, top] = [yTicks[0], yTicks.at(-1)];
  const scaleY = (y) => BOTTOM - ((BOTTOM - TOP) * (y - bottom)) / (top - bottom);
  const drawing = canvas(BOTTOM + 40, `${title}; ${drawn.map((one) => ending(one)).join("; ")}`);
  frame(drawing, xTicks, yTicks, scaleX, scaleY, xLabel);
  for (const one of drawn) draw(drawing, one, scaleX, scaleY);
  const made = figure(title, drawing);
  readable(made, drawing, drawn, xLabel, scaleX);
  return made;
};

const ending = ({ label, y }) => `${label} ends at ${shown(y.at(-1), "number")}`;

const draw = (drawing, one, scaleX, scaleY) => {
  const colour = one.place % COLOURS;
  if (one.low && one.high) {
    drawing.append(svg("path", { class: `band f${colour}`, d: band(one.x, one.low, one.high, scaleX, scaleY) }));
  }
  const points = one.x.map((x, n) => [scaleX(x), isMissing(one.y[n]) ? null : scaleY(one.y[n])]);
  drawing.append(svg("path", { class: `curve l${colour}`, d: path(points), "stroke-dasharray": dash(one.place) }));
  const marks = points.length <= 25 ? points : [];
  for (const [cx, cy] of marks) if (cy !== null) drawing.append(svg("circle", { cx, cy, r: 2.5, class: `f${colour}` }));
};

// Lets a pointer or the arrow keys read a chart: a guide and what each line holds near it.
const readable = (made, drawing, series, xLabel, scaleX) => {
  const places = [...new Set(series.flatMap((one) => one.x))].sort((a, b) => a - b);
  const reading = html("div", { class: "reading", role: "status" });
  const guide = svg("path", { class: "guide" });
  drawing.append(guide);
  drawing.setAttribute("tabindex", "0");
  made.append(reading);
  let here = -1;
  const nearest = (list, wanted) =>
    list.reduce((best, value, n) => (Math.abs(value - wanted) < Math.abs(list[best] - wanted) ? n : best), 0);
  const show = (number) => {
    here = number;
    const x = places[here];
    guide.setAttribute("d", `M${scaleX(x)} ${TOP}V${BOTTOM}`);
    const lines = series.filter((one) => x <= one.x.at(-1) && x >= one.x[0]).map((one) => {
      const n = nearest(one.x, x);
      return `${one.label}: ${shown(one.y[n], "number")}`;
    });
    reading.textContent = [`${xLabel} ${significant(x)}`, ...lines].join("\n");
  };
  const hide = () => {
    here = -1;
    guide.removeAttribute("d");
    reading.textContent = "";
  };
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const wanted = ((event.clientX - box.left) / box.width) * WIDTH;
    show(nearest(places.map(scaleX), wanted));
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
