// One card per task: the rule in force, why, the course of the shares, and what each model is worth.

import { badge, byId, arrange, el, empty, row, setText, swatch, table } from "./dom.js";
import { ago, count, date, decimals, percent, plural, samples, seconds } from "./format.js";
import { colour } from "./palette.js";
import { scoresChart, weightsChart } from "./chart.js";

const cards = new Map();
let states = new Map();

const COLUMNS = [
  { title: "Model" }, { title: "Share", class: "number" }, { title: "Score", class: "number" },
  { title: "Accuracy (95 % interval)", class: "number" }, { title: "Graded", class: "number" },
  { title: "Mean time", class: "number" }, { title: "Failed", class: "number" },
];

export function drawTasks(state) {
  const place = byId("task-cards");
  if (!state.tasks.size) {
    place.replaceChildren(empty("No task is in the settings. Add a section [tasks.<name>] to zeta.toml."));
    return;
  }
  states = new Map(state.models.map((model) => [model.name, model.state]));
  const shown = [...state.tasks.values()].map((task) => drawn(task));
  arrange(place, shown);
}

function drawn(task) {
  let card = cards.get(task.task);
  if (!card) {
    card = { node: el("article", { class: "card task" }), task: null, width: 0, health: "" };
    cards.set(task.task, card);
  }
  const width = chartWidth(card.node);
  const health = (task.rule?.models ?? []).map((one) => states.get(one.name)).join();
  if (card.task !== task || card.width !== width || card.health !== health) {
    card.task = task;
    card.health = health;
    card.width = width;
    card.node.replaceChildren(...(task.rule ? full(task, width) : bare(task)));
  }
  const when = card.node.querySelector(".when");
  if (when && task.rule) setText(when, ago(task.rule.at));
  return card.node;
}

// The card has two columns where there is room for them.
function chartWidth(node) {
  const width = (node.clientWidth || byId("task-cards").clientWidth || 320) - 40;
  return Math.max(240, Math.floor(width >= 900 ? width * 0.44 : width));
}

function bare(task) {
  return [
    el("h3", {}, task.task),
    empty("No rule yet: the tuner publishes the first one when it starts, from the task’s prior. Is ", el("code", {}, "zeta run tuner"), " running?"),
  ];
}

function full(task, width) {
  const { rule } = task;
  const orders = [
    rule.pinned ? badge(`pinned to ${rule.pinned}`, "warn") : null,
    rule.frozen ? badge("frozen", "warn") : null,
  ];
  const scores = task.points.length ? scoresChart(task.task, task.points, width) : null;
  return [
    el("div", { class: "task-head" },
      el("h3", {}, task.task),
      el("p", { class: "note" }, "Rule ", el("strong", {}, count(rule.version)), `, policy ${rule.policy}, published `,
        el("time", { class: "when", title: date(rule.at) }, ago(rule.at))),
      orders),
    el("p", { class: "reason" }, rule.reason),
    el("div", { class: "task-body" },
      el("div", { class: "charts" },
        el("p", { class: "chart-title" }, "Share of the queries"),
        task.points.length ? weightsChart(task.task, task.points, width)
          : empty("No version of the last hour: the rule has stood for longer."),
        scores ? [el("p", { class: "chart-title" }, "Score"), scores] : null),
      el("div", {},
        table(`Models of ${task.task}`, COLUMNS, rule.models.map(model), "cards-when-narrow"),
        lastWindow(task.last_window))),
  ];
}

function model(one) {
  const name = el("span", { class: "named" }, swatch(colour(one.name)), el("span", { class: "name" }, one.name),
    one.excluded ? badge("excluded", "warn") : null, passedOver(one));
  const accuracy = one.accuracy === null ? percent(null) : [
    percent(one.accuracy),
    one.interval ? el("span", { class: "note" }, ` ${percent(one.interval[0])} to ${percent(one.interval[1])}`) : null,
  ];
  return row(COLUMNS, [
    name, el("strong", {}, percent(one.weight, one.weight > 0 && one.weight < 0.1 ? 1 : 0)), decimals(one.score),
    el("span", {}, accuracy), samples(one.samples), seconds(one.response_time_s), percent(one.error_share, one.error_share > 0 && one.error_share < 0.1 ? 1 : 0),
  ]);
}

// A rule knows no health: routers pass over a model that takes no work, whatever its share.
function passedOver(one) {
  const health = states.get(one.name);
  return health === "open" || health === "silent" ? badge(`${health}: passed over`, "bad") : null;
}

function lastWindow(window) {
  if (!window) return null;
  const rows = Object.entries(window.models).map(([name, one]) =>
    `${name}: ${plural(one.outcomes, "attempt")}, ${count(one.graded)} graded${one.accuracy === null ? "" : ` ${percent(one.accuracy)}`}`);
  const late = window.late ? `; ${count(window.late)} came late` : "";
  return el("p", { class: "note last-window" }, `Last closed part of a window: ${rows.join("; ")}${late}.`);
}
