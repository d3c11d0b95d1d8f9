// One query's whole story, in a dialogue of its own with a link that can be passed on.

import { badge, byId, code, el, empty, row, swatch, table } from "./dom.js";
import { count, date, decimals, percent, seconds, time } from "./format.js";
import { colour } from "./palette.js";
import { copyable } from "./letters.js";

const HASH = "#query=";
let asking = null;

export function setUpStory() {
  const dialog = byId("story");
  byId("story-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    asking?.abort();
    if (location.hash.startsWith(HASH)) history.replaceState(null, "", location.pathname);
  });
  addEventListener("hashchange", openNamed);
  openNamed();
}

function openNamed() {
  if (!location.hash.startsWith(HASH)) return;
  try {
    openStory(decodeURIComponent(location.hash.slice(HASH.length)));
  } catch {
    // Not an id that anybody made.
  }
}

export async function openStory(id) {
  if (!id) return;
  const dialog = byId("story");
  const body = byId("story-body");
  history.replaceState(null, "", HASH + encodeURIComponent(id));
  byId("story-title").textContent = id.slice(0, 260);
  body.replaceChildren(el("p", { class: "empty", role: "status" }, "Reading the topics…"));
  if (!dialog.open) dialog.showModal();
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(`api/queries?id=${encodeURIComponent(id)}`, { signal: asking.signal, cache: "no-store" });
    const known = answer.headers.get("Content-Type")?.startsWith("application/json");
    body.replaceChildren(...(known ? tell(await answer.json()) : [empty(await answer.text())]));
  } catch (error) {
    if (error.name !== "AbortError") body.replaceChildren(empty("The dashboard doesn’t answer. Is it still running?"));
  }
}

function tell(story) {
  if (!story.found) {
    return [
      empty("Nothing of this query was found among the newest records of the topics. It is gone, or was never asked."),
      missing(story), older(),
    ].filter(Boolean);
  }
  byId("story-title").textContent = story.id;
  return [
    question(story), attempts(story), answer(story), grades(story), letters(story), missing(story),
  ].flat(Infinity).filter(Boolean);
}

const older = () => el("p", { class: "note" }, "Older records, as long as Kafka keeps them: ",
  copyable("zeta tail responses --from-beginning --no-follow --key ID"));

function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function question({ query, asked_at: askedAt }) {
  if (!query) return [];
  return [
    el("h3", {}, "Query"),
    query.turns.map((turn) => el("figure", { class: "said" },
      el("figcaption", {}, turn.who), el("pre", {}, turn.text))),
    facts([
      ["Asked", askedAt ? date(askedAt) : null], ["Task", query.task], ["Session", query.session],
      ["Time limit", query.time_limit_s === null ? null : seconds(query.time_limit_s)],
      ["Only these models", query.models.join(", ")], ["Streamed", query.stream ? "yes" : null],
      ["Any vector space", query.any_space ? "yes" : null], ["Replayed by", query.replay],
      ["Parameters", query.parameters === "{}" ? null : code(query.parameters)],
      ["Graded by", query.reference ? code(query.reference) : "no reference"],
    ]),
  ];
}

function attempts(story) {
  if (!story.attempts.length) return [];
  return [el("h3", {}, story.attempts.length === 1 ? "Decision" : `Decisions (${story.attempts.length} attempts)`),
    el("ol", { class: "attempts" }, story.attempts.map((one) => el("li", {}, attempt(one))))];
}

const COLUMNS = [{ title: "Model" }, { title: "Propensity", class: "number" }, { title: "Share", class: "drawn" }];

function attempt(one) {
  const verdict = one.ok === null ? badge("no outcome yet") : one.ok ? badge("answered", "good") : badge(one.error ?? "failed", "bad");
  return [
    el("p", { class: "attempt-head" }, swatch(colour(one.model)), el("strong", {}, one.model), verdict,
      el("span", { class: "note" }, `${one.kind}, rule ${count(one.version)}, ${time(one.decided_at)}`,
        one.response_time_s === null ? "" : `, ${seconds(one.response_time_s)} from the decision`)),
    one.reason ? el("p", { class: "reason" }, one.reason) : null,
    one.message ? el("p", { class: "failure" }, one.message) : null,
    one.eligible.length ? table("Models that could be chosen", COLUMNS, one.eligible.map((each) => row(COLUMNS, [
      each.model, percent(each.propensity, 1),
      el("span", { class: "meter", "aria-hidden": "true" }, el("span", { style: { width: `${Math.min(1, each.propensity ?? 0) * 100}%`, "--swatch": colour(each.model) } })),
    ])), "propensities") : null,
  ];
}

function answer({ answer: told }) {
  if (!told) return [];
  const [asked, made] = told.tokens;
  const vectors = told.vectors === null ? null : `${count(told.vectors)} vectors, ${count(told.dimension)} wide, in the space ${told.vector_space}`;
  return [
    el("h3", {}, "Answer"),
    told.error ? el("p", { class: "failure" }, badge(told.error, "bad"), " ", told.message) : null,
    told.text === null ? null : el("figure", { class: "said" }, el("figcaption", {}, told.model ?? "text"), el("pre", {}, told.text || "(empty)")),
    told.tool_calls ? el("figure", { class: "said" }, el("figcaption", {}, "tool calls"), el("pre", {}, told.tool_calls)) : null,
    facts([
      ["Vectors", vectors], ["Queue", seconds(told.queue_s)],
      ["Inference", told.inference_s === null ? null : seconds(told.inference_s)],
      ["First token", told.first_token_s === null ? null : seconds(told.first_token_s)],
      ["Wait in all", seconds(told.total_s)], ["Answered", date(told.answered_at)],
      ["Tokens", asked === null && made === null ? null : `${asked ?? "?"} read, ${made ?? "?"} written`],
      ["Finish reason", told.finish_reason],
      ["Cost", told.cost_usd ? `${told.cost_usd.toPrecision(2)} USD` : null],
    ]),
  ];
}

const GRADES = [{ title: "By" }, { title: "Grade", class: "number" }, { title: "Weight", class: "number" }, { title: "Of" }];
const OPINIONS = [{ title: "From" }, { title: "Score", class: "number" }, { title: "Comment", class: "long" }];

function grades(story) {
  const parts = [el("h3", {}, "Grades and feedback")];
  if (story.grades.length) {
    parts.push(table("Grades", GRADES, story.grades.map((one) =>
      row(GRADES, [one.grader, percent(one.accuracy), decimals(one.trust, 1), one.model]))));
  } else parts.push(empty("Not graded: its task has no reference, or the grade is not there yet."));
  if (story.feedback.length) {
    parts.push(table("Feedback", OPINIONS, story.feedback.map((one) =>
      row(OPINIONS, [one.source, percent(one.score), one.comment ?? "–"]))));
  }
  return parts;
}

function letters(story) {
  return story.letters.map((one) => el("p", { class: "failure" },
    `Dead letter ${one.letter} at ${one.stage}: ${one.error} `, copyable(`zeta dead-letters redrive ${one.letter}`)));
}

function missing(story) {
  if (!story.missing.length) return null;
  return el("div", { class: "missing" }, el("h3", {}, "Not found"),
    el("ul", {}, story.missing.map((text) => el("li", {}, text))));
}
