(() => {
"use strict";
const root = document.documentElement;
const theme = document.getElementById("theme");
const isDark = () => root.dataset.theme
  ? root.dataset.theme === "dark"
  : matchMedia("(prefers-color-scheme: dark)").matches;
// A page opened from a file may have no storage.
const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
const keep = (name) => { try { localStorage.setItem("theme", name); } catch { /* for this page only */ } };
const show = () => theme.setAttribute("aria-pressed", String(isDark()));
if (kept() === "dark" || kept() === "light") root.dataset.theme = kept();
theme.hidden = false;
theme.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  keep(root.dataset.theme);
  show();
});
show();
const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll(filter.dataset.rows)];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = document.getElementById("count");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, n) => {
      row.hidden = !words.every((word) => texts[n].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    count.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
}
})();
