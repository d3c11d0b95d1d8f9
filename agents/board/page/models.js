// How fast and how well each model answers, and whether it takes work.

import { badge, byId, el, empty, row, swatch, table } from "./dom.js";
import { ago, count, percent, seconds } from "./format.js";
import { colour } from "./palette.js";
import { course } from "./chart.js";

const COLUMNS = [
  { title: "Model" }, { title: "State" }, { title: "Attempts", class: "number" },
  { title: "Failed", class: "number" }, { title: "p50", class: "number" },
  { title: "p95", class: "number" }, { title: "p95 per 10 s", class: "drawn" },
];
const STATES = {
  healthy: ["healthy", "good"], probing: ["probing", "warn"], open: ["open: not asked", "bad"],
  silent: ["silent", "bad"], unknown: ["unknown", "plain"],
};

export function stateChanges(before, after) {
  const known = new Map(before.map((model) => [model.name, model.state]));
  return after.filter((model) => known.has(model.name) && known.get(model.name) !== model.state)
    .map((model) => `${model.name} is ${STATES[model.state]?.[0] ?? model.state}: ${model.reason}`);
}

export function drawModels(state) {
  const place = byId("model-table");
  if (!state.models.length) {
    place.replaceChildren(empty("No model is in the settings. Add a section [models.<name>] to zeta.toml."));
    return;
  }
  const sizes = new Map(state.system.models.map((model) => [model.name, model.size]));
  place.replaceChildren(table("Models", COLUMNS, state.models.map((model) => one(model, sizes.get(model.name))), "cards-when-narrow models"));
}

function one(model, size) {
  const [text, tone] = STATES[model.state] ?? [model.state, "plain"];
  const name = el("span", { class: "named" }, swatch(colour(model.name)), el("span", { class: "name", title: model.name }, model.name), size ? el("span", { class: "note" }, size) : null);
  const workers = model.workers > 1 ? `${count(model.workers)} workers, ` : "";
  const told = model.at ? `${workers}told ${ago(model.at)}` : "";
  const why = el("span", { class: "state-text" }, badge(text, tone), el("span", { class: "note" }, [model.reason, told].filter(Boolean).join("; ")));
  const kinds = Object.entries(model.error_kinds).map(([kind, number]) => `${count(number)} ${kind}`).join(", ");
  const failed = model.outcomes ? [
    el("span", { class: model.error_share > 0.05 ? "alarming" : "" }, percent(model.error_share, model.error_share > 0 && model.error_share < 0.1 ? 1 : 0)),
    kinds ? el("span", { class: "note below" }, kinds) : null,
  ] : percent(null);
  return row(COLUMNS, [
    name, why, count(model.outcomes), el("span", {}, failed),
    seconds(model.p50_s), seconds(model.p95_s), course(model.name, model.course),
  ]);
}
