// Each model keeps its colour: by its place in the settings; others by what is left.

const COLOURS = 8;
const places = new Map();

export function setModels(names) {
  places.clear();
  names.forEach((name) => places.set(name, places.size));
}

export function place(name) {
  if (!places.has(name) && places.size < 64) places.set(name, places.size);
  return places.get(name) ?? 0;
}

export const colour = (name) => `var(--series-${(place(name) % COLOURS) + 1})`;
