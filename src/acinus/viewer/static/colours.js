// From numbers to colours: a few classes, so that all glands of one class are drawn by one stroke.

// Blue over green to yellow, ever lighter: readable without colour vision, and nowhere pink or purple as the tissue is.
const STOPS = [[40, 96, 235], [0, 160, 235], [0, 190, 170], [60, 205, 80], [175, 224, 20], [255, 236, 50]];

export const CLASSES = 32;
export const MISSING = CLASSES; // no number: grey
export const PLAIN = CLASSES + 1; // coloured by nothing
export const HIDDEN = 255; // outside the filter

function between(position) {
  const at = Math.min(Math.max(position, 0), 1) * (STOPS.length - 1);
  const i = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[i].map((from, channel) => Math.round(from + (at - i) * (STOPS[i + 1][channel] - from)));
}

export const RGB = Array.from({ length: CLASSES }, (_, i) => between(i / (CLASSES - 1)));
RGB[MISSING] = [190, 196, 200];
RGB[PLAIN] = [0, 200, 180];

export const css = (i) => `rgb(${RGB[i].join(",")})`;

export function classOf(value, { low, high }) {
  if (!Number.isFinite(value)) return MISSING;
  if (!(high > low)) return CLASSES >> 1;
  const i = Math.floor(((value - low) / (high - low)) * CLASSES);
  return Math.min(Math.max(i, 0), CLASSES - 1);
}

export const passes = (value, filter) => !filter || (value >= filter.from && value <= filter.to);

// The class of every gland; all PLAIN without values.
export function classes(count, values, statistic, filter) {
  const result = new Uint8Array(count).fill(PLAIN);
  if (!values) return result;
  for (let i = 0; i < count; i++) {
    result[i] = passes(values[i], filter) ? classOf(values[i], statistic) : HIDDEN;
  }
  return result;
}
