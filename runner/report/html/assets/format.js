// Figures as a person reads them. What is missing is a dash.
const isMissing = (value) => value === null || value === undefined;
const grouped = (number) => number.toLocaleString("en-US", { maximumFractionDigits: 0 });
const significant = (number) =>
  Math.abs(number) >= 1000 ? grouped(number) : String(Number(number.toPrecision(3)));
const bytes = (number) => {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = number < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(number) / 10));
  return `${significant(number / 1024 ** power)} ${units[power]}`;
};
const FORMATS = {
  text: String,
  status: String,
  words: String,
  integer: grouped,
  number: significant,
  // As Python writes them.
  seconds: (number) => (number < 100 ? significant(number) : number.toFixed(0)),
  fraction: (number) => number.toFixed(3),
  ratio: (number) => number.toFixed(2),
  percent: (number) => `${significant(100 * number)} %`,
  giga: (number) => significant(number / 1e9),
  bytes,
};
const shown = (value, kind) => (isMissing(value) ? "-" : FORMATS[kind](value));
const TEXTUAL = new Set(["text", "status", "words"]);
