// Elements. Text from elsewhere only ever becomes a text node or an attribute's value.
const element = (namespace) => (tag, attributes, ...children) => {
  const made = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};
const html = element(null);
const svg = element("http://www.w3.org/2000/svg");
const at = (id) => document.getElementById(id);

// A packed frame as one object per row; a column that was left out is undefined in each.
const unpack = (frame) => {
  const rows = Array.from({ length: frame.length }, (_, position) => ({ position }));
  for (const [name, column] of Object.entries(frame.columns)) {
    const value = Array.isArray(column)
      ? (n) => column[n]
      : (n) => (column.index[n] < 0 ? null : column.values[column.index[n]]);
    for (const row of rows) row[name] = value(row.position);
  }
  return rows;
};

// Hands a text to the reader as a file; nothing leaves the page.
const save = (name, type, text) => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  html("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};
// A text that begins like a formula would be run as one by a spreadsheet.
const csvField = (value) => {
  const text = isMissing(value) ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const csvOf = (rows, keys) =>
  [keys, ...rows.map((row) => keys.map((key) => row[key]))].map((line) => `${line.map(csvField).join(",")}\n`).join("");

// Says of each region that scrolls how many of its columns lie outside of it.
const markHidden = () => {
  for (const region of document.querySelectorAll(".scroll")) {
    const heads = [...region.querySelectorAll("thead th")];
    const { left, right } = region.getBoundingClientRect();
    const over = heads.filter((head) => head.getBoundingClientRect().right > right + 1).length;
    const start = heads.filter((head, n) => n && head.getBoundingClientRect().left < left - 1).length;
    region.dataset.more = [over ? "right" : "", start ? "left" : ""].join(" ").trim();
    let hint = region.nextElementSibling;
    if (!hint?.classList.contains("hint")) {
      hint = html("p", { class: "hint" });
      region.after(hint);
      region.addEventListener("scroll", markHidden, { passive: true });
    }
    hint.textContent = over ? `${over} more column${over > 1 ? "s" : ""} to the right: scroll the table \u2192` : "";
  }
};
