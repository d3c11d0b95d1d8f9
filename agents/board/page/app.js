// Puts together what the parts of the page draw. The state is what the server has sent, no more.

import { byId, setText } from "./dom.js";
import { ago, now, setServerTime } from "./format.js";
import { setModels } from "./palette.js";
import { connect } from "./stream.js";
import { drawFigures } from "./figures.js";
import { drawLoop } from "./loop.js";
import { drawTasks } from "./tasks.js";
import { drawModels, stateChanges } from "./models.js";
import { drawLetters } from "./letters.js";
import { drawDecisions, setUpDecisions } from "./decisions.js";
import { setUpStory } from "./story.js";

const MOST_DECISIONS = 1000;
const MOST_POINTS = 500;
const QUIET_MS = 15_000;
const SPEAK_EVERY_MS = 5_000;

const state = {
  system: { models: [], tasks: [], prefix: "", archive: false },
  flow: null, models: [], tasks: new Map(), decisions: new Map(), letters: null, skipped: 0,
  connection: "connecting", flowAt: 0,
};

function take(update) {
  setServerTime(update.at);
  if (update.flow) {
    state.flow = update.flow;
    state.flowAt = update.at;
  }
  if (update.models) {
    stateChanges(state.models, update.models).forEach(say);
    state.models = update.models;
  }
  for (const task of update.tasks ?? []) takeTask(task);
  if (update.letters) state.letters = update.letters;
  for (const one of update.decisions ?? []) state.decisions.set(one.key, one);
  state.skipped += update.skipped ?? 0;
  forgetOld();
}

function takeTask(task) {
  const points = [...(state.tasks.get(task.task)?.points ?? []), ...task.points];
  state.tasks.set(task.task, { ...task, points: points.slice(-MOST_POINTS) });
}

function forgetOld() {
  if (state.decisions.size <= MOST_DECISIONS * 1.2) return;
  const newest = [...state.decisions.values()].sort((a, b) => b.at - a.at).slice(0, MOST_DECISIONS);
  state.decisions = new Map(newest.map((one) => [one.key, one]));
}

function begin(snapshot) {
  state.system = snapshot.system;
  setModels(snapshot.system.models.map((model) => model.name));
  state.models = [];
  state.tasks = new Map(snapshot.system.tasks.map((task) => [task, { task, rule: null, points: [], last_window: null }]));
  state.decisions = new Map();
  state.letters = null;
  state.skipped = 0;
  take(snapshot);
  const prefix = byId("prefix");
  prefix.hidden = !state.system.prefix;
  setText(prefix, state.system.prefix);
  draw();
}

// What changes by itself is told at most now and then, and only what matters.
const waiting = [];
let spokeAt = -SPEAK_EVERY_MS;
function say(text) {
  waiting.push(text);
  const wait = Math.max(0, spokeAt + SPEAK_EVERY_MS - performance.now());
  setTimeout(() => {
    if (!waiting.length) return;
    spokeAt = performance.now();
    setText(byId("live"), waiting.splice(0).slice(-3).join(". "));
  }, wait);
}

const PARTS = [
  ["figures", drawFigures], ["loop", drawLoop], ["tasks", drawTasks], ["models", drawModels],
  ["decisions", drawDecisions], ["letters", drawLetters],
];
let asked = false;
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    if (!document.hidden) PARTS.forEach(([, part]) => part(state));
    drawConnection();
  });
}

function drawConnection() {
  const quiet = state.connection === "live" && now() - state.flowAt > QUIET_MS;
  const shown = quiet ? "quiet" : state.connection;
  const texts = {
    connecting: "Connecting",
    live: "Live",
    lost: "Disconnected; trying again",
    quiet: state.flowAt ? `The last figures are from ${ago(state.flowAt)}` : "No figures from the broker yet",
  };
  const place = byId("connection");
  if (place.dataset.state !== shown) {
    const before = place.dataset.state;
    place.dataset.state = shown;
    if (!(before === "connecting" && shown === "live")) say(texts[shown]);
  }
  setText(byId("connection-text"), texts[shown]);
  document.documentElement.dataset.connection = shown;
}

connect({
  onSnapshot: begin,
  onUpdate: (update) => {
    take(update);
    draw();
  },
  onBeat: (beat) => {
    setServerTime(beat.at);
    draw();
  },
  onState: (name) => {
    // The browser says "error" for each try; what was lost stays lost until a snapshot comes.
    if (!(name === "connecting" && state.connection === "lost")) state.connection = name;
    drawConnection();
  },
});

setUpDecisions(state, draw);
setUpStory(state);
document.addEventListener("visibilitychange", draw);
new ResizeObserver(draw).observe(byId("loop-drawing"));
setInterval(draw, 5_000);
