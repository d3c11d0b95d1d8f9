// Elements. Whatever comes from a topic goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") Object.entries(value).forEach(([key, one]) => node.style.setProperty(key, one));
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A table that stays one for a screen reader when the style makes cards of its rows.
export function table(caption, columns, rows, className = "") {
  const head = columns.map((column) =>
    el("th", { scope: "col", role: "columnheader", class: column.class }, column.title));
  return el("table", { role: "table", class: className },
    el("caption", { class: "unseen" }, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head)),
    el("tbody", { role: "rowgroup" }, rows));
}

export function row(columns, cells, attributes = {}) {
  return el("tr", { role: "row", ...attributes }, cells.map((content, index) => {
    const column = columns[index];
    const first = index === 0;
    return el(first ? "th" : "td", {
      role: first ? "rowheader" : "cell", scope: first && "row",
      class: column.class, "data-title": first ? null : column.title,
    }, content);
  }));
}

// Puts nodes under a parent in this order. Those that are there already stay where they are, if they
// can: what is moved loses the focus.
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!wanted.has(node)) node.remove();
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

export const badge = (text, tone = "plain") => el("span", { class: `badge ${tone}` }, text);
export const empty = (...children) => el("p", { class: "empty" }, ...children);
export const code = (text) => el("code", {}, text);

export function swatch(color, dash = false) {
  return el("span", { class: dash ? "swatch dashed" : "swatch", style: { "--swatch": color }, "aria-hidden": "true" });
}
