// The newest queries: searched and filtered here, since all that is listed is in memory.

import { arrange, badge, byId, el, empty, row, setText, swatch, table } from "./dom.js";
import { ago, count, date, percent, plural, seconds } from "./format.js";
import { colour } from "./palette.js";
import { openStory } from "./story.js";

const PAGE = matchMedia("(max-width: 46rem)").matches ? 12 : 25;
const MOST = 1000;
const COLUMNS = [
  { title: "Query" }, { title: "When" }, { title: "Task" }, { title: "Model" }, { title: "Chosen by" },
  { title: "Result" }, { title: "Wait", class: "number told" }, { title: "Grade", class: "number told" },
];
const KINDS = { policy: "policy", pin: "pin", reroute: "reroute", forced: "no choice", shadow: "shadow copy" };
const RESULTS = { "": "All", answered: "Answered", failed: "Error answers", open: "Open: an attempt failed", wrong: "Graded below 50 %" };

const rows = new Map();
let shown = PAGE;
let held = null;
let body = null;
const chosen = { search: "", task: "", model: "", kind: "", result: "" };

export function setUpDecisions(state, draw) {
  const again = () => {
    shown = PAGE;
    draw();
  };
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("search").addEventListener("input", (event) => {
    chosen.search = event.target.value.trim();
    again();
  });
  for (const name of ["task", "model", "kind", "result"]) {
    byId(`filter-${name}`).addEventListener("change", (event) => {
      chosen[name] = event.target.value;
      again();
    });
  }
  byId("more").addEventListener("click", () => {
    shown += PAGE * 2;
    draw();
  });
  byId("hold").addEventListener("click", (event) => {
    held = held ? null : newest(state);
    event.target.setAttribute("aria-pressed", String(Boolean(held)));
    draw();
  });
  byId("lookup").addEventListener("click", () => openStory(chosen.search));
}

function newest(state) {
  return [...state.decisions.values()].sort((a, b) => b.at - a.at).slice(0, MOST);
}

function matches(one) {
  if (chosen.task && one.task !== chosen.task) return false;
  if (chosen.model && one.model !== chosen.model) return false;
  if (chosen.kind && one.kind !== chosen.kind) return false;
  if (!matchesResult(one)) return false;
  const words = chosen.search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = [one.id, one.task, one.model, one.kind, one.error, one.state].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function matchesResult(one) {
  if (!chosen.result) return true;
  if (chosen.result === "wrong") return one.grade !== null && one.grade < 0.5;
  return one.state === chosen.result || one.error === chosen.result;
}

export function drawDecisions(state) {
  const all = held ?? newest(state);
  options("task", ["", ...new Set([...state.system.tasks, ...all.map((one) => one.task)])]);
  options("model", ["", ...new Set([...state.system.models.map((model) => model.name), ...all.map((one) => one.model)])]);
  options("kind", ["", ...Object.keys(KINDS)], KINDS);
  options("result", [...Object.keys(RESULTS), ...new Set(all.map((one) => one.error))], RESULTS);
  const found = all.filter(matches);
  setText(byId("decision-count"), summary(state, all, found));
  byId("more").hidden = found.length <= shown;
  const lookup = byId("lookup");
  lookup.hidden = !(chosen.search && !found.length);
  setText(lookup, `Look for the query ${JSON.stringify(chosen.search.slice(0, 60))} on the topics`);
  drawRows(found.slice(0, shown), all.length);
}

function summary(state, all, found) {
  if (!all.length) return "";
  const newer = held ? [...state.decisions.values()].filter((one) => !held.includes(one)).length : 0;
  const parts = [found.length === all.length ? `The newest ${plural(all.length, "query", "queries")}` : `${count(found.length)} of the newest ${plural(all.length, "query", "queries")}`];
  if (held) parts.push(`held; ${count(newer)} new or changed since`);
  if (state.skipped) parts.push(`${count(state.skipped)} came too fast to be listed`);
  return `${parts.join("; ")}.`;
}

const MOST_OPTIONS = 60;
const named = new Map();

function options(name, values, texts = {}) {
  const wanted = values.filter((value) => value !== null && value !== undefined).slice(0, MOST_OPTIONS);
  const key = wanted.join("\n");
  if (named.get(name) === key) return;
  named.set(name, key);
  const select = byId(`filter-${name}`);
  const kept = select.value;
  select.replaceChildren(...wanted.map((value) => el("option", { value }, texts[value] ?? (value || "All"))));
  if (wanted.includes(kept)) select.value = kept;
}

function drawRows(found, known) {
  const place = byId("decision-table");
  if (!found.length) {
    body = null;
    place.replaceChildren(known
      ? empty("No query of these matches.")
      : empty("No query was answered in the last hour. Ask one: ", el("code", {}, 'zeta ask "What is 17 + 4?"')));
    return;
  }
  if (!body) {
    const made = table("The newest queries", COLUMNS, [], "decisions");
    body = made.querySelector("tbody");
    place.replaceChildren(made);
  }
  for (const key of [...rows.keys()]) if (!found.some((one) => one.key === key)) rows.delete(key);
  arrange(body, found.map(rowOf));
}

function rowOf(one) {
  const known = rows.get(one.key);
  if (known && known.one === one) {
    setText(known.when, ago(one.at));
    return known.node;
  }
  const when = el("time", { title: date(one.at) }, ago(one.at));
  const open = el("button", { type: "button", class: "link", onclick: () => openStory(one.key) }, one.id);
  const node = row(COLUMNS, cells(one, open, when));
  if (known) {
    // Who has the focus on a query keeps it when a grade comes: its own cell stays.
    [...known.node.children].slice(1).forEach((cell) => cell.remove());
    known.node.append(...[...node.children].slice(1));
  }
  rows.set(one.key, { one, when, node: known?.node ?? node });
  return rows.get(one.key).node;
}

function cells(one, open, when) {
  const model = one.model ? el("span", { class: "named" }, swatch(colour(one.model)), el("span", { class: "name" }, one.model)) : "–";
  const share = one.kind === "policy" && one.propensity !== null ? el("span", { class: "note" }, ` at ${percent(one.propensity)}`) : null;
  return [
    el("span", { class: "query" }, open, one.replay ? badge("replay") : null), when, el("span", { class: "name" }, one.task ?? "–"), model,
    el("span", {}, KINDS[one.kind] ?? "–", share), result(one), seconds(one.total_s), grade(one),
  ];
}

function result(one) {
  const tried = one.failures ? el("span", { class: "note" }, ` after ${plural(one.failures, "failure")}`) : null;
  if (one.state === "answered") return el("span", {}, badge("answered", "good"), tried);
  return el("span", {}, badge(one.error ?? one.state, one.state === "failed" ? "bad" : "warn"), one.state === "open" ? el("span", { class: "note" }, " is tried again") : null);
}

function grade(one) {
  if (one.grade === null) return "–";
  return el("span", { class: one.grade < 0.5 ? "alarming" : "" }, percent(one.grade));
}
