// Numbers with their units, and times relative to the server's clock.

export const NOTHING = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const known = (value) => typeof value === "number" && Number.isFinite(value);

let skew = 0;
export function setServerTime(at) {
  skew = at - Date.now();
}
export const now = () => Date.now() + skew;

export const count = (value) => (known(value) ? whole.format(value).replaceAll(",", "\u202f") : NOTHING);

export function rate(value) {
  if (!known(value)) return NOTHING;
  return `${value >= 100 ? count(value) : one.format(value)}/s`;
}

export function percent(value, digits = 0) {
  if (!known(value)) return NOTHING;
  const share = value * 100;
  if (digits === 0 && share > 0 && share < 1) return "<\u00a01\u00a0%";
  if (digits === 1 && share > 0 && share < 0.05) return "<\u00a00.1\u00a0%";
  if (digits === 0 && share < 100 && share > 99) return ">\u00a099\u00a0%";
  return `${share.toFixed(digits)}\u00a0%`;
}

export function seconds(value) {
  if (!known(value)) return NOTHING;
  if (value < 0.0995) return `${(value * 1000).toFixed(value < 0.0095 ? 1 : 0)}\u00a0ms`;
  if (value < 0.9995) return `${(value * 1000).toFixed(0)}\u00a0ms`;
  if (value < 99.5) return `${value.toFixed(value < 9.95 ? 2 : 1)}\u00a0s`;
  return value < 5970 ? `${(value / 60).toFixed(0)}\u00a0min` : `${(value / 3600).toFixed(1)}\u00a0h`;
}

export const decimals = (value, digits = 2) => (known(value) ? value.toFixed(digits) : NOTHING);

export function samples(value) {
  if (!known(value)) return NOTHING;
  return value < 10 && value % 1 ? one.format(value) : count(value);
}

const valid = (at) => known(at) && at > 0 && at < 8.64e15;

export function ago(at) {
  if (!valid(at)) return NOTHING;
  const s = Math.max(0, Math.round((now() - at) / 1000));
  if (s < 2) return "now";
  if (s < 60) return `${s}\u00a0s\u00a0ago`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min\u00a0ago`;
  return s < 86400 ? `${Math.floor(s / 3600)}\u00a0h\u00a0ago` : `${Math.floor(s / 86400)}\u00a0d\u00a0ago`;
}

export const time = (at) => (valid(at) ? clock.format(new Date(at)) : NOTHING);
export const date = (at) => (valid(at) ? day.format(new Date(at)) : NOTHING);

export function plural(number, noun, nouns = `${noun}s`) {
  return `${count(number)} ${number === 1 ? noun : nouns}`;
}
