// What the drawing of the loop is made of.

import { svg } from "./dom.js";
import { rate } from "./format.js";

const CHARACTER = 7.2;

export const arrowHead = () => svg("defs", {},
  svg("marker", { id: "head", viewBox: "0 0 8 8", refX: 4, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
    svg("path", { d: "M0 0.5L7.5 4L0 7.5z", class: "head" })));

// Thicker where more travels, by its order of magnitude.
export function path(d, value, tone = "") {
  const width = 1.25 + Math.min(3, Math.log10(1 + (value ?? 0)));
  return svg("path", { d, class: `arrow ${tone} ${value > 0 ? "busy" : ""}`, "stroke-width": width.toFixed(2), "marker-end": "url(#head)" });
}

export function box(x, y, width, height, name, text, tone = "") {
  return svg("g", { class: `node ${tone}` },
    svg("rect", { x: x + 0.5, y: y + 0.5, width: width - 1, height: height - 1, rx: 8 }),
    svg("text", { x: x + width / 2, y: y + height / 2 - 3, "text-anchor": "middle", class: "node-name" }, name),
    svg("text", { x: x + width / 2, y: y + height / 2 + 14, "text-anchor": "middle", class: "node-text" }, text));
}

function cut(text, width) {
  const most = Math.max(4, Math.floor(width / CHARACTER));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

const STATES = { healthy: "takes work", probing: "is probed", open: "closed off", silent: "no worker", unknown: "no report" };

export function workerBox(x, y, width, height, worker, lagText) {
  return svg("g", { class: `node worker ${worker.state}` },
    svg("rect", { x: x + 0.5, y: y + 0.5, width: width - 1, height: height - 1, rx: 8 }),
    svg("circle", { cx: x + 16, cy: y + height / 2 - 7, r: 4.5, class: "state" }),
    svg("text", { x: x + 28, y: y + height / 2 - 3, class: "node-name" }, cut(worker.name, width - 100)),
    svg("text", { x: x + width - 12, y: y + height / 2 - 3, "text-anchor": "end", class: "arrow-rate" }, rate(worker.rate)),
    svg("text", { x: x + 28, y: y + height / 2 + 14, class: "node-text" }, STATES[worker.state] ?? worker.state),
    svg("text", { x: x + width - 12, y: y + height / 2 + 14, "text-anchor": "end", class: "node-text" }, lagText(worker.lag)));
}

// A topic's name and rate, side by side.
export function label(x, y, name, value, anchor = "start") {
  return svg("text", { x, y, "text-anchor": anchor, class: "arrow-name" }, name,
    value === null ? null : svg("tspan", { class: "arrow-rate", dx: 6 }, value));
}

// The name above a level arrow, its rate below.
export function astride(x, y, name, value) {
  return [
    svg("text", { x, y: y - 8, "text-anchor": "middle", class: "arrow-name" }, name),
    svg("text", { x, y: y + 18, "text-anchor": "middle", class: "arrow-rate" }, value),
  ];
}
