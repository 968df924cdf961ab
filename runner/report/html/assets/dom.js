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
