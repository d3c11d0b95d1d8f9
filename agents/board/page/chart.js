// Small charts over time: shares as a stack of steps, scores as lines. With words for who can't see.

import { el, svg } from "./dom.js";
import { colour, place } from "./palette.js";
import { decimals, now, percent, time } from "./format.js";

const LEFT = 44, RIGHT = 6, TOP = 6, BOTTOM = 20;

const inOrder = (names) => [...names].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
const namesIn = (points, field) => inOrder(new Set(points.flatMap((point) => Object.keys(point[field]))));

function frame(points, width, height, most, format) {
  const from = points[0].at, to = Math.max(now(), points.at(-1).at, from + 1000);
  const x = (at) => LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / most) * (height - TOP - BOTTOM);
  const lines = [0, most / 2, most].map((value) => [
    svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end", class: "tick" }, format(value)),
  ]);
  const ticks = [
    svg("text", { x: LEFT, y: height - 4, class: "tick" }, time(from)),
    svg("text", { x: width - RIGHT, y: height - 4, "text-anchor": "end", class: "tick" }, "now"),
  ];
  return { x, y, to, lines, ticks };
}

function figure(width, height, words, children) {
  return el("figure", { class: "chart" },
    svg("svg", { role: "img", "aria-label": words, width, height, viewBox: `0 0 ${width} ${height}` }, children));
}

// A rule holds until the next one: steps.
export function weightsChart(task, points, width, height = 136) {
  const { x, y, to, lines, ticks } = frame(points, width, height, 1, (value) => percent(value));
  const names = namesIn(points, "weights");
  const base = points.map(() => 0);
  const areas = names.map((name) => {
    const low = [...base];
    points.forEach((point, index) => { base[index] += point.weights[name] ?? 0; });
    return svg("path", { d: area(points, low, base, x, y, to), class: "area", style: { "--series": colour(name) } });
  });
  return figure(width, height, weightsInWords(task, points, names), [areas, lines, ticks]);
}

// Along the upper edge from left to right, along the lower one back.
function area(points, low, high, x, y, to) {
  const edge = (values) => points.flatMap((point, index) => {
    const height = y(values[index]).toFixed(1);
    return [point.at, points[index + 1]?.at ?? to].map((at) => `${x(at).toFixed(1)} ${height}`);
  });
  return `M${edge(high).join("L")}L${edge(low).reverse().join("L")}Z`;
}

function weightsInWords(task, points, names) {
  const first = points[0], last = points.at(-1);
  const parts = names.map((name) => `${name} from ${percent(first.weights[name] ?? 0)} to ${percent(last.weights[name] ?? 0)}`);
  return `Shares of the queries of ${task} since ${time(first.at)}: ${parts.join(", ")}`;
}

export function scoresChart(task, points, width, height = 96) {
  const names = namesIn(points, "scores");
  if (!names.length) return null;
  const values = points.flatMap((point) => Object.values(point.scores));
  const most = values.some((value) => value > 1) ? Math.max(...values) * 1.05 : 1;
  const { x, y, lines, ticks } = frame(points, width, height, most, (value) => decimals(value, most > 10 ? 0 : 1));
  const curves = names.map((name) => {
    const known = points.filter((point) => name in point.scores);
    const d = known.map((point, index) => `${index ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point.scores[name]).toFixed(1)}`).join("");
    return svg("path", { d, class: "curve", style: { "--series": colour(name) } });
  });
  const last = points.at(-1).scores;
  const words = `Scores of ${task} since ${time(points[0].at)}; now ${names.filter((name) => name in last).map((name) => `${name} ${decimals(last[name])}`).join(", ")}`;
  return figure(width, height, words, [lines, ticks, curves]);
}

// One bar per ten seconds: its height is the p95, its colour says whether attempts failed.
export function course(model, rows, width = 150, height = 28) {
  const most = Math.max(...rows.map((row) => row[2] ?? 0), 0);
  const step = width / rows.length;
  const bars = rows.map(([outcomes, errors, p95], index) => {
    if (!outcomes) return null;
    const tall = most ? Math.max(2, ((p95 ?? 0) / most) * (height - 2)) : 2;
    return svg("rect", { x: (index * step).toFixed(2), y: (height - tall).toFixed(2), width: Math.max(1, step - 1).toFixed(2), height: tall.toFixed(2), class: errors ? "bar failed" : "bar" });
  });
  const failed = rows.filter((row) => row[1]).length;
  const words = `p95 of ${model} per 10 s over the last 10 min; attempts failed in ${failed} of ${rows.filter((row) => row[0]).length} steps with attempts`;
  return svg("svg", { role: "img", "aria-label": words, class: "course", width, height, viewBox: `0 0 ${width} ${height}` },
    svg("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "grid" }), bars);
}
