// Wires the page: one state, a function for each thing a person can do.

import * as api from "./api.js";
import { readAddress, writeAddress } from "./address.js";
import { classes, passes } from "./colours.js";
import { Histogram } from "./histogram.js";
import { fillHelp, listen } from "./keys.js";
import { Outlines } from "./outlines.js";
import { Overlay } from "./overlay.js";
import * as panel from "./panel.js";
import { drawScaleBar } from "./scalebar.js";

const { element } = panel;
const ADDRESS_WAIT_MS = 250;
const state = {
  listed: null, slide: null, statistic: -1, values: null, filter: null, gland: null, marks: new Map(), visible: true,
};
let stage, overlay, outlines, histogram, addressTimer, opening = 0;

const statistics = () => state.slide?.glands?.statistics ?? [];
const statistic = () => statistics()[state.statistic];
const trying = (action) => (...given) => Promise.resolve(action(...given)).catch((error) => panel.toast(error.message));

function redraw() {
  if (!stage?.slide) return;
  const view = stage.view();
  drawScaleBar(view.scale, state.slide.mpp);
  element("navigator").classList.toggle("idle", stage.wholeInView);
  if (state.slide.glands) {
    overlay.setRings(outlines.ringsFor(state.slide, view));
    overlay.draw(view);
  }
  clearTimeout(addressTimer);
  addressTimer = setTimeout(rememberAddress, ADDRESS_WAIT_MS);
}

function rememberAddress() {
  if (!stage.slide) return;
  writeAddress({
    slide: state.slide.name, view: stage.view(), statistic: statistic()?.key, filter: state.filter,
    gland: state.gland?.index ?? null,
  });
}

function forgetGlands() {
  Object.assign(state, { gland: null, values: null, filter: null, marks: new Map() });
  outlines.forget();
  overlay.clear();
}

async function openSlide(name, wanted = {}) {
  const turn = ++opening;
  forgetGlands();
  const slide = await api.slide(name);
  if (turn !== opening) return;
  forgetGlands(); // what was done on the slide before while this one was awaited
  state.slide = slide;
  panel.showNotices([...state.listed.notices, ...slide.notices]);
  panel.showCurrentSlide(slide, state.listed.slides.length > 1);
  panel.showStatistics(null);
  panel.showGland(null);
  document.title = `${slide.name} – acinus`;
  await stage.open(slide, state.listed.session, wanted.position);
  redraw();
  if (slide.segmented) await loadGlands(slide, wanted, turn);
}

// The slide can be moved already while its glands are read.
async function loadGlands(slide, wanted, turn) {
  const glands = await panel.busy("Reading the glands …", () => api.glands(slide.name));
  const [centroids, marks, artefacts] = await Promise.all([
    api.centroids(slide.name), api.marks(slide.name), api.artefacts(slide.name),
  ]);
  if (turn !== opening) return;
  slide.glands = glands;
  panel.showNotices([...state.listed.notices, ...slide.notices, ...glands.notices]);
  panel.showStatistics(glands);
  state.marks = new Map(Object.entries(marks).map(([index, mark]) => [Number(index), mark]));
  overlay.setArtefacts(artefacts);
  Object.assign(overlay, { centroids, typicalPx: slide.glands.typical_px, marks: state.marks });
  panel.showMarks(state.marks, slide.name);
  const asked = slide.glands.statistics.findIndex(({ key }) => key === wanted.statistic);
  await chooseStatistic(asked >= 0 ? asked : Math.min(0, slide.glands.statistics.length - 1), wanted.filter);
  const there = typeof wanted.gland === "string" || wanted.gland < slide.glands.count;
  if (wanted.gland !== null && there) await trying(select)(wanted.gland, { show: !wanted.position });
}

async function chooseStatistic(index, filter = null) {
  const { slide } = state;
  const values = index >= 0 ? await api.values(slide.name, index) : null;
  if (slide !== state.slide) return;
  Object.assign(state, { statistic: index, values });
  panel.showStatistic(index, statistic());
  if (values) histogram.show(values, statistic(), filter);
  setFilter(values ? filter : null);
  if (state.gland) panel.showGland(state.gland, statistics(), index, state.marks.get(state.gland.index));
}

function setFilter(filter) {
  const open = filter && filter.from === -Infinity && filter.to === Infinity;
  state.filter = open ? null : filter;
  const { count } = state.slide.glands;
  const shown = state.filter ? state.values.reduce((sum, value) => sum + passes(value, state.filter), 0) : count;
  panel.showFilter(state.filter, shown, count);
  histogram.setFilter(state.filter);
  overlay.setClasses(classes(count, state.values, statistic(), state.filter));
  redraw();
}

function typedFilter() {
  const typed = (id, otherwise) => (element(id).value === "" ? otherwise : Number(element(id).value));
  setFilter({ from: typed("from", -Infinity), to: typed("to", Infinity) });
}

async function clicked({ x, y }) {
  if (!state.slide.glands || !state.visible) return;
  const hits = await api.at(state.slide.name, { x, y, reach: 4 * stage.view().scale });
  const hit = hits.find((index) => !state.values || passes(state.values[index], state.filter));
  await select(hit ?? null);
}

// `which`: index or id of a gland, null for none.
async function select(which, { show = false } = {}) {
  const { slide } = state;
  const gland = which === null ? null : await api.gland(slide.name, which);
  if (slide !== state.slide) return;
  state.gland = gland;
  overlay.selected = gland?.index ?? null;
  overlay.changed();
  panel.showGland(gland, statistics(), state.statistic, state.marks.get(gland?.index));
  if (gland && show) stage.show(gland.box);
  if (gland) element("gland-section").scrollIntoView({ block: "nearest" });
  redraw();
}

// The next gland among those shown, in the order of the statistic.
function step(by) {
  if (!state.slide?.glands) return null;
  const { values, filter } = state;
  const order = [...Array(state.slide.glands.count).keys()].filter((i) => !values || passes(values[i], filter));
  if (values) order.sort((a, b) => (values[a] - values[b]) || a - b);
  if (!order.length) return null;
  const at = state.gland ? order.indexOf(state.gland.index) : -1;
  const next = at < 0 ? (by > 0 ? 0 : order.length - 1) : (at + by + order.length) % order.length;
  return select(order[next], { show: true });
}

async function mark(kind) {
  const { gland, slide } = state;
  if (!gland) throw new Error("Click a gland first");
  const wanted = state.marks.get(gland.index) === kind ? null : kind;
  await api.setMark(slide.name, gland.id, wanted);
  if (slide !== state.slide) return;
  if (wanted) state.marks.set(gland.index, wanted);
  else state.marks.delete(gland.index);
  overlay.changed();
  panel.showMarks(state.marks, slide.name);
  if (state.gland === gland) panel.showGland(gland, statistics(), state.statistic, wanted);
  redraw();
}

function neighbourSlide(by) {
  const names = state.listed.slides.map(({ name }) => name);
  const next = names[names.indexOf(state.slide?.name) + by];
  return next ? openSlide(next) : null;
}

function setOpacity() {
  const percent = Number(element("opacity").value);
  element("opacity-text").textContent = state.visible ? `${percent} %` : "hidden";
  overlay.setOpacity(state.visible ? percent / 100 : 0);
}

async function copyLink() {
  rememberAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    panel.toast("Link copied");
  } catch {
    panel.toast("The link is in the address bar");
  }
}

const actions = {
  "zoom-in": () => stage.zoom(1.5),
  "zoom-out": () => stage.zoom(1 / 1.5),
  home: () => stage.home(),
  left: () => stage.pan(-0.2, 0),
  right: () => stage.pan(0.2, 0),
  up: () => stage.pan(0, -0.2),
  down: () => stage.pan(0, 0.2),
  "next-gland": trying(() => step(1)),
  "previous-gland": trying(() => step(-1)),
  "mark-right": trying(() => mark("right")),
  "mark-wrong": trying(() => mark("wrong")),
  "toggle-glands": () => { state.visible = !state.visible; setOpacity(); },
  "clear-filter": () => { if (state.slide?.glands) setFilter(null); },
  "next-slide": trying(() => neighbourSlide(1)),
  "previous-slide": trying(() => neighbourSlide(-1)),
  "copy-link": trying(copyLink),
  "toggle-panel": () => document.body.classList.toggle("wide"),
  deselect: trying(() => (state.slide?.glands ? select(null) : null)),
  help: () => element("help").showModal(),
};

async function begin() {
  if (!globalThis.OpenSeadragon) {
    panel.message(
      "OpenSeadragon, which shows the slide, is missing.\n\nReinstall acinus, or in its source folder run\n" +
      "python build_backend/fetch_openseadragon.py\nthen start acinus view again.",
    );
    return;
  }
  const { Stage } = await import("./stage.js");
  histogram = new Histogram(element("histogram"), setFilter);
  outlines = new Outlines({ arrived: redraw, failed: (error) => panel.toast(error.message) });
  stage = new Stage(element("slide"), { moved: redraw, clicked: trying(clicked) });
  overlay = new Overlay(stage.glands);
  setOpacity();
  fillHelp(element("shortcuts"));
  listen(actions);
  element("opacity").addEventListener("input", () => { state.visible = true; setOpacity(); });
  element("statistic").addEventListener("change", trying((event) => chooseStatistic(Number(event.target.value))));
  for (const id of ["from", "to"]) element(id).addEventListener("change", typedFilter);
  addEventListener("hashchange", trying(() => follow(readAddress())));
  state.listed = await api.slides();
  element("title").textContent = state.listed.title;
  panel.showNotices(state.listed.notices);
  panel.showSlides(state.listed.slides, state.listed.session, trying((name) => openSlide(name)));
  globalThis.acinus = { state, stage, overlay }; // for the browser's console, and for the tests
  await follow(readAddress());
}

function follow(wanted) {
  const names = state.listed.slides.map(({ name }) => name);
  return openSlide(names.includes(wanted.slide) ? wanted.slide : names[0], wanted);
}

begin().catch((error) => panel.message(error.message));
