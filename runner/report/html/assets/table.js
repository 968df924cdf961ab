// A table that sorts, filters and pages over rows kept as objects, so that its size in elements
// does not grow with the number of rows.
const PAGE_SIZES = [25, 100, 500];
const collator = new Intl.Collator("en", { numeric: true });

const compared = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));

class DataTable {
  // columns: {key, label, kind, title, text}, text being the key of the value as it is written; detail: a row to the elements that it opens into, or null.
  // sorted is called when somebody has sorted it.
  constructor(id, name, columns, rows, sorted, detail = null) {
    const host = at(`${id}-table`);
    this.columns = columns.filter(({ key }) => rows.some((row) => !isMissing(row[key])));
    Object.assign(this, { id, rows, sorted, detail, found: rows, page: 0, size: PAGE_SIZES[0], key: null, sign: 1 });
    this.heads = this.columns.map((column, position) => this.head(column, position));
    this.body = html("tbody");
    const table = html("table", {}, html("thead", {}, html("tr", {}, ...this.heads)), this.body);
    const region = { class: "scroll", role: "region", tabindex: "0", "aria-label": name };
    host.replaceChildren(html("div", region, table), this.pager(name));
    this.draw();
  }

  head({ key, label, kind, title }, position) {
    const button = html("button", { type: "button", class: "sort", title }, label);
    button.addEventListener("click", () => this.sort(key));
    const names = [TEXTUAL.has(kind) ? "" : "number", position === 0 ? "first" : ""].join(" ").trim();
    return html("th", { scope: "col", "aria-sort": "none", class: names || null }, button);
  }

  pager(name) {
    const button = (label, step) => {
      const made = html("button", { type: "button" }, label);
      made.addEventListener("click", () => this.turn(step));
      return made;
    };
    this.back = button("Previous", -1);
    this.forth = button("Next", 1);
    this.count = html("span", { role: "status" });
    const options = PAGE_SIZES.map((size) => html("option", { value: size }, String(size)));
    const size = html("select", {}, ...options);
    size.addEventListener("change", () => {
      this.size = Number(size.value);
      this.page = 0;
      this.draw();
    });
    this.controls = [this.back, this.forth, html("label", {}, "Rows ", size)];
    return html("div", { class: "pager", role: "group", "aria-label": `Pages: ${name}` },
      this.count, ...this.controls);
  }

  turn(step) {
    this.page += step;
    this.draw();
  }

  sort(key) {
    this.arrange(key, this.key === key ? -this.sign : 1);
    this.sorted();
  }

  arrange(key, sign) {
    Object.assign(this, { key, sign, page: 0 });
    this.order();
    this.draw();
  }

  // What is missing comes last in either direction; ties keep the order of the rows.
  order() {
    if (this.key === null) return;
    const { key, sign } = this;
    this.found = [...this.found].sort((a, b) => {
      const missing = isMissing(a[key]) - isMissing(b[key]);
      return missing || (isMissing(a[key]) ? 0 : sign * compared(a[key], b[key])) || a.position - b.position;
    });
  }

  filter(accepts) {
    this.found = this.rows.filter(accepts);
    this.page = 0;
    this.order();
    this.draw();
  }

  draw() {
    const pages = Math.max(1, Math.ceil(this.found.length / this.size));
    const first = this.page * this.size;
    const here = this.found.slice(first, first + this.size);
    this.columns.forEach(({ key }, n) => {
      const direction = this.sign > 0 ? "ascending" : "descending";
      this.heads[n].setAttribute("aria-sort", key === this.key ? direction : "none");
    });
    this.body.replaceChildren(...here.map((row) => this.line(row)));
    if (!here.length) {
      this.body.append(html("tr", {}, html("td", { colspan: this.columns.length }, "Nothing fits the filter.")));
    }
    this.back.disabled = this.page === 0;
    this.forth.disabled = this.page >= pages - 1;
    const range = here.length ? `${grouped(first + 1)} to ${grouped(first + here.length)}` : "0";
    this.count.textContent = `${range} of ${grouped(this.found.length)}`;
    for (const control of this.controls) control.hidden = this.found.length <= PAGE_SIZES[0];
  }

  line(row) {
    const line = html("tr");
    this.columns.forEach(({ key, text: written, kind }, position) => {
      const text = written ? shown(row[written], "text") : shown(row[key], kind);
      const isLong = kind === "words" && text.length > 24;
      const names = [TEXTUAL.has(kind) ? (isLong ? "words" : "text") : "number", position === 0 ? "first" : ""];
      const content = position === 0 && this.detail ? this.opener(row, line, text) : text;
      const styled = kind === "status" ? html("span", { class: `word-${text}` }, text) : content;
      line.append(html("td", { class: names.join(" ").trim() || null }, styled));
    });
    return line;
  }

  opener(row, line, text) {
    const button = html("button", { type: "button", class: "open", "aria-expanded": "false" }, text);
    button.addEventListener("click", () => {
      const isOpen = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!isOpen));
      if (isOpen) line.nextElementSibling.remove();
      else line.after(this.opened(row));
    });
    return button;
  }

  opened(row) {
    const inside = html("div", { class: "inside" }, ...this.detail(row));
    return html("tr", { class: "job" }, html("td", { colspan: this.columns.length }, inside));
  }
}
