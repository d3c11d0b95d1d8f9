// The loop as a drawing: roles are boxes, topics are arrows with their rate. Drawn to the width
// that there is, so that its text has the size of the page's.

import { astride, arrowHead, box, label, path, workerBox } from "./loop_parts.js";
import { byId, el, row, svg, table } from "./dom.js";
import { count, rate } from "./format.js";

const MOST_WORKERS = 12;
const WIDE = 640;

export function drawLoop(state) {
  if (!state.flow) return; // the page says that it waits
  const place = byId("loop-drawing");
  const width = Math.floor(place.clientWidth);
  if (!width) return;
  const facts = factsOf(state);
  const plan = width >= WIDE ? wide(facts, width) : narrow(facts, width);
  place.replaceChildren(svg("svg", {
    role: "img", "aria-label": "The loop of roles and topics. The table below says the same.",
    width, height: plan.height, viewBox: `0 0 ${width} ${plan.height}`,
  }, arrowHead(), plan.arrows, plan.boxes, plan.labels));
  if (byId("loop-table").closest("details").open) drawTable(facts);
  else byId("loop-table").replaceChildren();
}

function factsOf(state) {
  const { rates, lags } = state.flow;
  const lagOf = (group) => {
    const values = Object.values(lags[group] ?? {});
    return values.length && values.every((one) => one !== null) ? values.reduce((a, b) => a + b, 0) : null;
  };
  const workers = state.models.map((model) => ({
    name: model.name, state: model.state,
    rate: rates[`models.${model.name}`], lag: lagOf(`worker-${model.name}`),
  }));
  return { rates, lags, lagOf, workers, archive: state.system.archive };
}

const lagText = (value) => (value === null || value === undefined ? "lag unknown" : `lag ${count(value)}`);
const total = (workers) => workers.reduce((sum, one) => sum + (one.rate ?? 0), 0);

function shownWorkers({ workers }) {
  const shown = workers.slice(0, MOST_WORKERS);
  return [shown, workers.length - shown.length];
}

// Out along the top, back along the bottom.
function wide(facts, width) {
  const [workers, more] = shownWorkers(facts);
  const { rates, lagOf } = facts;
  const small = 108, tall = 48, rowHeight = 44, gap = 10, top = 52;
  const workerWidth = width > 1000 ? 248 : 208;
  const used = workers.length * (rowHeight + gap) - gap + (more ? 22 : 0);
  const column = Math.max(used, 110);
  const first = top + (column - used) / 2;
  const bottom = top + column + 66;
  const workersX = width - workerWidth - 1;
  const routerX = Math.round(width * 0.3 - small / 2);
  const middle = top + column / 2;
  const graderX = Math.round(workersX + workerWidth / 2 - small / 2);
  const aggregatorX = Math.round((routerX + graderX) / 2);
  const routerY = middle - tall / 2;
  const rail = workersX + 26;
  const boxes = [
    box(1, routerY, small - 8, tall, "Clients", "ask"),
    box(routerX, routerY, small, tall, "Router", lagText(lagOf("router"))),
    workers.map((one, index) => workerBox(workersX, first + index * (rowHeight + gap), workerWidth, rowHeight, one, lagText)),
    more ? label(workersX, first + used - 4, `and ${more} more models`, null) : null,
    box(graderX, bottom, small, tall, "Grader", lagText(lagOf("grader"))),
    box(aggregatorX, bottom, small, tall, "Aggregator", lagText(lagOf("aggregator"))),
    box(routerX, bottom, small, tall, "Tuner", lagText(lagOf("tuner"))),
    box(1, bottom, small + 12, tall, "Dead letters", `${rate(rates["dead-letters"])}`, "soft"),
    facts.archive ? box(1, bottom + tall + 16, small + 12, tall, "Archiver", lagText(lagOf("archiver")), "soft") : null,
  ];
  const fan = workersX - 6;
  const arrows = [
    path(`M${small - 7} ${middle}H${routerX - 6}`, rates.queries),
    workers.map((one, index) => {
      const y = first + index * (rowHeight + gap) + rowHeight / 2;
      const from = routerX + small, bend = (from + fan) / 2;
      return path(`M${from} ${middle}C${bend} ${middle} ${bend} ${y} ${fan} ${y}`, one.rate);
    }),
    path(`M${rail} ${first}V30q0 -10 -10 -10H${routerX + small / 2 + 10}q-10 0 -10 10V${routerY - 6}`, rates.reroutes, "side"),
    path(`M${graderX + small / 2} ${first + used}V${bottom - 6}`, rates.responses),
    path(`M${graderX} ${bottom + tall / 2}H${aggregatorX + small + 6}`, rates.metrics),
    path(`M${aggregatorX} ${bottom + tall / 2}H${routerX + small + 6}`, rates.scores),
    path(`M${routerX + small / 2} ${bottom}V${routerY + tall + 6}`, rates.rules),
    path(`M${routerX + 14} ${routerY + tall}V${bottom - 34}q0 10 -10 10H${60 + 10}q-10 0 -10 10V${bottom - 6}`, rates["dead-letters"], "side"),
  ];
  const between = (from, to) => (from + to) / 2;
  const labels = [
    astride(between(small - 8, routerX), middle, "queries", rate(rates.queries)),
    astride(routerX + small + 62, middle, "models.*", rate(total(workers))),
    astride(between(routerX + small / 2, rail), 20, "reroutes", rate(rates.reroutes)),
    label(graderX + small / 2 - 12, between(top + column, bottom) + 4, "responses", rate(rates.responses), "end"),
    astride(between(aggregatorX + small, graderX), bottom + tall / 2, "metrics", rate(rates.metrics)),
    astride(between(routerX + small, aggregatorX), bottom + tall / 2, "scores", rate(rates.scores)),
    label(routerX + small / 2 + 12, between(routerY + tall, bottom) + 4, "rules", rate(rates.rules), "start"),
    label(76, bottom - 32, "dead-letters", null, "start"),
  ];
  return { boxes, arrows, labels, height: bottom + tall + (facts.archive ? tall + 18 : 2) };
}

// One below the other; rules go back on the left, reroutes on the right.
function narrow(facts, width) {
  const [workers, more] = shownWorkers(facts);
  const { rates, lagOf } = facts;
  const x = 30, inner = width - 60, tall = 44, step = 40, middle = width / 2;
  const boxes = [], arrows = [], labels = [];
  let y = 1;
  const put = (name, text, tone) => {
    boxes.push(box(x, y, inner, tall, name, text, tone));
    y += tall;
  };
  const down = (name, value) => {
    arrows.push(path(`M${middle} ${y}V${y + step - 6}`, value));
    labels.push(label(middle + 12, y + step / 2 + 3, name, rate(value), "start"));
    y += step;
  };
  put("Clients", "ask");
  down("queries", rates.queries);
  const router = y + tall / 2;
  put("Router", lagText(lagOf("router")));
  down("models.*", total(workers));
  const first = y;
  for (const one of workers) {
    boxes.push(workerBox(x, y, inner, tall, one, lagText));
    y += tall + 8;
  }
  y -= 8;
  const last = y;
  if (more) {
    labels.push(label(x, y + 16, `and ${more} more models`, null, "start"));
    y += 22;
  }
  down("responses", rates.responses);
  put("Grader", lagText(lagOf("grader")));
  down("metrics", rates.metrics);
  put("Aggregator", lagText(lagOf("aggregator")));
  down("scores", rates.scores);
  const tuner = y + tall / 2;
  put("Tuner", lagText(lagOf("tuner")));
  y += 16;
  put("Dead letters", rate(rates["dead-letters"]), "soft");
  if (facts.archive) {
    y += 10;
    put("Archiver", lagText(lagOf("archiver")), "soft");
  }
  const right = width - 30, half = (first + last) / 2;
  arrows.push(path(`M${x} ${tuner}H21q-10 0 -10 -10V${router + 10}q0 -10 10 -10H${x - 6}`, rates.rules));
  arrows.push(path(`M${right} ${half}h7q10 0 10 -10V${router + 10}q0 -10 -10 -10H${right + 6}`, rates.reroutes, "side"));
  const turned = (text, at, value) => svg("text", { class: "arrow-name", transform: `translate(${at} ${value}) rotate(-90)`, "text-anchor": "middle" }, text);
  labels.push(turned(`rules ${rate(rates.rules)}`, 26, (tuner + router) / 2));
  labels.push(turned(`reroutes ${rate(rates.reroutes)}`, width - 16.5, (half + router) / 2));
  return { boxes, arrows, labels, height: y + 2 };
}

const COLUMNS = [
  { title: "Topic" }, { title: "From" }, { title: "Read by" },
  { title: "Records", class: "number" }, { title: "Lag", class: "number" },
];

function drawTable({ rates, lags, workers }) {
  const readers = [
    ["queries", "clients", "router"], ["reroutes", "router, workers", "router"],
    ...workers.map((one) => [`models.${one.name}`, "router", `worker-${one.name}`]),
    ["responses", "workers, router", "grader"], ["feedback", "clients, grader", "grader"],
    ["metrics", "grader, workers", "aggregator"], ["scores", "aggregator", "tuner"],
    ["controls", "tuner, operators", "tuner"], ["rules", "tuner", "routers"],
    ["dead-letters", "any role", "operators"],
  ];
  const rows = readers.map(([topic, from, reader]) => {
    const lag = lags[reader]?.[topic];
    const text = reader in lags ? (lag === null || lag === undefined ? "unknown" : count(lag)) : "no group";
    return row(COLUMNS, [topic, from, reader, rate(rates[topic]), text]);
  });
  const archived = Object.values(lags.archiver ?? {});
  const note = archived.length && archived.every((one) => one !== null)
    ? el("p", { class: "note" }, `The archiver reads every topic; ${count(archived.reduce((a, b) => a + b, 0))} records are not in a published file yet.`) : null;
  byId("loop-table").replaceChildren(table("Topics, who writes and reads them, rate and lag", COLUMNS, rows, "cards-when-narrow"), ...(note ? [note] : []));
}
