// Talks to the server; every failure becomes an Error with the server's one line.

const address = (slide, rest = "") => `/api/slides/${encodeURIComponent(slide)}${rest}`;

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer; is acinus view still running?");
  }
  if (!response.ok) {
    const text = await response.text();
    let reason = text;
    try { reason = JSON.parse(text).error; } catch { /* plain text */ }
    throw new Error(reason || `The server answered ${response.status}.`);
  }
  return response;
}

const json = async (path, options) => (await answer(path, options)).json();
const bytes = async (path, options) => (await answer(path, options)).arrayBuffer();

export const slides = () => json("/api/slides");
export const slide = (name) => json(address(name));
export const artefacts = (name) => json(address(name, "/artefacts"));
export const glands = (name) => json(address(name, "/glands"));
// A gland by its index, or by its id, which other pages know.
export const gland = (name, which) =>
  json(address(name, typeof which === "number" ? `/glands/${which}` : `/ids/${encodeURIComponent(which)}`));
export const marks = (name) => json(address(name, "/marks"));
export const exportAddress = (name) => address(name, "/marks.geojson");
export const thumbnailAddress = (name, session) => `${address(name, "/thumbnail.jpg")}?v=${session}`;
export const tileAddress = (name, session, level, column, row) =>
  `${address(name, `/tiles/${level}/${column}_${row}.jpg`)}?v=${session}`;

export const centroids = async (name) => new Float32Array(await bytes(address(name, "/centroids")));
export const values = async (name, statistic) => new Float32Array(await bytes(address(name, `/values/${statistic}`)));

export async function at(name, { x, y, reach }) {
  return (await json(address(name, `/at?${new URLSearchParams({ x, y, reach })}`))).glands;
}

export function setMark(name, id, mark) {
  const options = mark
    ? { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ mark }) }
    : { method: "DELETE" };
  return json(address(name, `/marks/${encodeURIComponent(id)}`), options);
}

// Returns null when there are too many glands in view for outlines. The layout is that of GlandLayer.in_view.
export async function outlines(name, view, signal) {
  const { left, top, right, bottom, scale } = view;
  const query = new URLSearchParams({ left, top, right, bottom, scale });
  const buffer = await bytes(address(name, `/outlines?${query}`), { signal });
  const [kind, , rings, vertices] = new Uint32Array(buffer, 0, 4);
  if (kind === 1) return null;
  return {
    glands: new Uint32Array(buffer, 16, rings),
    counts: new Uint32Array(buffer, 16 + 4 * rings, rings),
    points: new Float32Array(buffer, 16 + 8 * rings, 2 * vertices),
  };
}
