// What no stage could use, and the command that sends it back.

import { byId, badge, code, el, empty, row, table } from "./dom.js";
import { ago, count, date } from "./format.js";

const COLUMNS = [
  { title: "Letter" }, { title: "When" }, { title: "Stage" }, { title: "Record" },
  { title: "What was wrong", class: "long" }, { title: "Send it back", class: "long" },
];
const FIRST = 20;

let drawn = null;
let all = false;

export function drawLetters(state) {
  const letters = state.letters;
  if (drawn === letters && letters) return;
  drawn = letters;
  const place = byId("letter-table");
  if (!letters?.letters.length) {
    place.replaceChildren(empty("None. Records that no stage can use would be kept here, with what was wrong with them."));
    return;
  }
  const shown = all ? letters.letters : letters.letters.slice(0, FIRST);
  const rest = letters.letters.length - shown.length;
  place.replaceChildren(
    el("p", { class: "summary" }, Object.entries(letters.stages).map(([stage, number]) => badge(`${stage} ${count(number)}`)),
      " ", copyable("zeta dead-letters redrive --all --dry-run")),
    table("Dead letters, the newest first", COLUMNS, shown.map(one), "cards-when-narrow"),
    rest ? el("div", { class: "more" }, el("button", { type: "button", class: "quiet", onclick: () => showAll(state) }, `Show ${count(rest)} more`)) : "");
}

function showAll(state) {
  all = true;
  drawn = null;
  drawLetters(state);
}

function one(letter) {
  const again = letter.redrives ? badge(`sent back ${letter.redrives}×`, "warn") : null;
  return row(COLUMNS, [
    code(letter.letter), el("time", { title: date(letter.at) }, ago(letter.at)), letter.stage,
    el("span", {}, `${letter.topic} ${letter.partition}@${letter.offset}`, letter.cut ? badge("too large to be kept", "warn") : null),
    el("span", { class: "clamp" }, letter.error, again ? " " : null, again),
    copyable(`zeta dead-letters redrive ${letter.letter}`),
  ]);
}

// A command to paste. Without the clipboard (not on https or this machine) it is marked instead.
export function copyable(command) {
  const text = code(command);
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": `Copy: ${command}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Marked";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return el("span", { class: "copyable" }, text, button);
}
