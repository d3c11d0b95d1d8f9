// The five numbers at the top.

import { byId, el } from "./dom.js";
import { count, percent, rate } from "./format.js";

const sum = (numbers) => numbers.reduce((total, one) => total + (one ?? 0), 0);

function waiting(flow) {
  const groups = Object.entries(flow.lags).filter(([name]) => name === "router" || name.startsWith("worker-"));
  const lags = groups.flatMap(([, topics]) => Object.values(topics));
  return lags.length && lags.every((one) => one !== null) ? sum(lags) : null;
}

function rows(state) {
  const attempts = sum(state.models.map((model) => model.outcomes));
  const errors = sum(state.models.map((model) => model.errors));
  const taking = state.models.filter((model) => model.state === "healthy").length;
  const known = state.models.length > 0;
  const lag = state.flow && waiting(state.flow);
  return [
    ["Queries", state.flow ? rate(state.flow.rates.queries) : "–", "over the last 10 s", ""],
    ["Attempts", count(attempts), attempts ? `${percent(errors / attempts, errors ? 1 : 0)} failed, 5 min` : "in 5 min", errors / attempts > 0.05 ? "warn" : ""],
    ["Waiting", count(lag), "queries not yet answered", ""],
    ["Models", known ? `${taking} of ${state.models.length}` : "–", "take work", known && taking < state.models.length ? "bad" : ""],
    ["Dead letters", count(state.letters?.read ?? 0), "of the last 7 days", state.letters?.read ? "warn" : ""],
  ];
}

export function drawFigures(state) {
  byId("figures").replaceChildren(...rows(state).map(([name, value, note, tone]) =>
    el("div", { class: `figure ${tone}` },
      el("dt", {}, name),
      el("dd", {}, el("span", { class: "value" }, value), " ", el("span", { class: "note" }, note)))));
}
