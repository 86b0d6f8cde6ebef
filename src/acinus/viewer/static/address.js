// The link to a position: everything after # names the slide, the place, the colouring and the gland, which
// the page writes by its index; other pages may name it by its id.

const rounded = (value, digits) => String(Number(value.toFixed(digits)));
const numberIn = (query, name) => (query.has(name) ? Number(query.get(name)) : NaN);

export function readAddress(hash = location.hash) {
  const query = new URLSearchParams(hash.slice(1));
  const position = { x: numberIn(query, "x"), y: numberIn(query, "y"), scale: numberIn(query, "scale") };
  const good = Object.values(position).every(Number.isFinite) && position.scale > 0;
  const [from, to] = [numberIn(query, "from"), numberIn(query, "to")];
  const filter = { from: Number.isNaN(from) ? -Infinity : from, to: Number.isNaN(to) ? Infinity : to };
  const gland = query.get("gland");
  return {
    slide: query.get("slide"),
    position: good ? position : null,
    statistic: query.get("by"),
    filter: Number.isFinite(filter.from) || Number.isFinite(filter.to) ? filter : null,
    gland: /^\d{1,9}$/.test(gland) ? Number(gland) : gland || null,
  };
}

export function writeAddress({ slide, view, statistic, filter, gland }) {
  const query = new URLSearchParams({ slide });
  query.set("x", rounded((view.left + view.right) / 2, 1));
  query.set("y", rounded((view.top + view.bottom) / 2, 1));
  query.set("scale", rounded(view.scale, 5));
  if (statistic !== undefined) query.set("by", statistic);
  if (filter && Number.isFinite(filter.from)) query.set("from", rounded(filter.from, 5));
  if (filter && Number.isFinite(filter.to)) query.set("to", rounded(filter.to, 5));
  if (gland !== null) query.set("gland", gland);
  history.replaceState(null, "", `#${query}`);
}
