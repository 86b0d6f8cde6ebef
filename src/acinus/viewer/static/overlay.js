// Draws the glands above the slide. Glands of one colour are one path, built when outlines arrive or colours
// change; moving the view only strokes the paths anew under another transformation.

import { HIDDEN, RGB, css } from "./colours.js";

const MANY_VERTICES = 8000;
const REST_MS = 70;
const LINE_PX = 2.25;
const CASING = "rgba(12, 22, 32, 0.7)"; // keeps light lines apart from white lumen
const ACCENT = "#ff5a1f";
const ARTEFACT = "#e65c00";
const HATCH_PX = 10;
const MARK_COLOURS = { right: "#1f6b2a", wrong: "#b3261e" };

export class Overlay {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.clear();
  }

  clear() {
    clearTimeout(this.rest);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.painted = null; // the view last painted; null: paint anew whatever moved
    this.centroids = new Float32Array(0);
    this.typicalPx = 0;
    this.classes = new Uint8Array(0);
    this.rings = null;
    this.paths = new Map();
    this.marks = new Map();
    this.artefacts = null; // one path in level-0 pixels
    this.selected = null;
  }

  // Call after marks or the selection changed.
  changed() {
    this.painted = null;
  }

  setClasses(classes) {
    this.classes = classes;
    this.#build();
  }

  setRings(rings) {
    if (rings === this.rings) return;
    this.rings = rings;
    this.#build();
  }

  setArtefacts(artefacts) {
    this.painted = null;
    this.artefacts = artefacts.length ? new Path2D() : null;
    for (const { rings } of artefacts) {
      for (const ring of rings) addRing(this.artefacts, ring.flat(), 0, ring.length);
    }
  }

  setOpacity(opacity) {
    this.canvas.style.opacity = String(opacity);
  }

  // What a test or a person may ask: how many glands the last drawing showed, and in which way.
  get state() {
    return { kind: this.rings ? "outlines" : "dots", drawn: this.drawn };
  }

  // Many vertices take longer to stroke than a frame lasts: while the view moves, the finished picture is moved
  // along with it, and painted anew once the view rests.
  draw(view) {
    clearTimeout(this.rest);
    const heavy = this.rings && this.rings.points.length / 2 > MANY_VERTICES;
    if (!heavy || !this.painted) {
      this.#paint(view);
      return;
    }
    const zoom = this.painted.scale / view.scale;
    const [x, y] = [(this.painted.left - view.left) / view.scale, (this.painted.top - view.top) / view.scale];
    this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    this.rest = setTimeout(() => this.#paint(view), REST_MS);
  }

  #paint(view) {
    this.painted = view;
    this.canvas.style.transform = "";
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(this.canvas.clientWidth * ratio), Math.round(this.canvas.clientHeight * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const place = { ...view, zoom: ratio / view.scale, ratio };
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.clearRect(0, 0, width, height);
    if (this.rings) this.#drawOutlines(place);
    else this.#drawDots(place); // which replaces all pixels
    if (this.artefacts) this.#drawArtefacts(place);
    this.#drawSelected(place);
    this.#drawMarks(place);
  }

  #build() {
    this.painted = null;
    this.paths = new Map();
    if (!this.rings || !this.classes.length) return; // colours come a moment after the slide
    const { glands, counts, points } = this.rings;
    const drawn = new Set();
    for (let ring = 0, at = 0; ring < glands.length; at += counts[ring++]) {
      const kind = this.classes[glands[ring]];
      if (kind === HIDDEN) continue;
      drawn.add(glands[ring]);
      if (!this.paths.has(kind)) this.paths.set(kind, new Path2D());
      addRing(this.paths.get(kind), points, at, counts[ring]);
    }
    this.drawn = drawn.size;
  }

  #drawOutlines({ left, top, zoom, ratio }) {
    const { context } = this;
    context.setTransform(zoom, 0, 0, zoom, -left * zoom, -top * zoom);
    context.lineJoin = "round";
    context.strokeStyle = CASING;
    context.lineWidth = ((LINE_PX + 1.75) * ratio) / zoom;
    for (const path of this.paths.values()) context.stroke(path);
    context.lineWidth = (LINE_PX * ratio) / zoom;
    for (const [kind, path] of this.paths) {
      context.strokeStyle = css(kind);
      context.stroke(path);
    }
  }

  // Hatched in pixels of the screen, whatever the zoom.
  #drawArtefacts({ left, top, zoom, ratio }) {
    const { context } = this;
    const path = new Path2D();
    path.addPath(this.artefacts, new DOMMatrix([zoom, 0, 0, zoom, -left * zoom, -top * zoom]));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = context.createPattern(hatch(Math.round(HATCH_PX * ratio)), "repeat");
    context.fill(path, "evenodd");
    context.strokeStyle = ARTEFACT;
    context.lineWidth = 2 * ratio;
    context.stroke(path);
  }

  // One square per gland, written straight into the pixels: 50,000 take a few milliseconds.
  #drawDots({ left, top, zoom, ratio }) {
    const { width, height } = this.canvas;
    const side = Math.round(Math.min(Math.max(this.typicalPx * zoom * 0.8, 2 * ratio), 7 * ratio));
    const image = this.context.createImageData(width || 1, height || 1);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = RGB.map(([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
    let drawn = 0;
    for (let i = 0; i < this.classes.length; i++) {
      if (this.classes[i] === HIDDEN) continue;
      const x = Math.round((this.centroids[2 * i] - left) * zoom - side / 2);
      const y = Math.round((this.centroids[2 * i + 1] - top) * zoom - side / 2);
      if (x < 0 || y < 0 || x + side > width || y + side > height) continue;
      drawn++;
      const colour = colours[this.classes[i]];
      for (let row = y; row < y + side; row++) pixels.fill(colour, row * width + x, row * width + x + side);
    }
    this.drawn = drawn;
    this.context.putImageData(image, 0, 0);
  }

  #drawSelected({ left, top, zoom, ratio }) {
    if (this.selected === null) return;
    const { context } = this;
    const path = this.#pathOf(this.selected);
    context.setTransform(zoom, 0, 0, zoom, -left * zoom, -top * zoom);
    if (!path) {
      context.beginPath();
      context.arc(this.centroids[2 * this.selected], this.centroids[2 * this.selected + 1], (9 * ratio) / zoom, 0, 7);
    }
    for (const [colour, width] of [["#ffffff", 6], [ACCENT, 3.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = (width * ratio) / zoom;
      if (path) context.stroke(path);
      else context.stroke();
    }
  }

  #pathOf(gland) {
    if (!this.rings) return null;
    const { glands, counts, points } = this.rings;
    let path = null;
    for (let ring = 0, at = 0; ring < glands.length; at += counts[ring++]) {
      if (glands[ring] === gland) addRing((path ??= new Path2D()), points, at, counts[ring]);
    }
    return path;
  }

  #drawMarks({ left, top, zoom, ratio }) {
    const { context } = this;
    const radius = this.rings ? 9 : 5;
    context.lineCap = "round";
    for (const [gland, mark] of this.marks) {
      if (this.classes[gland] === HIDDEN) continue;
      const x = (this.centroids[2 * gland] - left) * zoom;
      const y = (this.centroids[2 * gland + 1] - top) * zoom;
      context.setTransform(ratio, 0, 0, ratio, x, y);
      context.beginPath();
      context.arc(0, 0, radius, 0, 7);
      context.fillStyle = MARK_COLOURS[mark];
      context.fill();
      context.strokeStyle = "#ffffff";
      context.lineWidth = 2;
      context.stroke();
      if (this.rings) context.stroke(mark === "right" ? TICK : CROSS);
    }
  }
}

const TICK = new Path2D("M -4 0.5 L -1 3.5 L 4 -3");
const CROSS = new Path2D("M -3 -3 L 3 3 M 3 -3 L -3 3");

function hatch(side) {
  const tile = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = tile.getContext("2d");
  context.strokeStyle = ARTEFACT;
  context.lineWidth = side / 5;
  for (const shift of [-side, 0, side]) { // the neighbours' lines reach into the corners
    context.moveTo(shift, side);
    context.lineTo(shift + side, 0);
  }
  context.stroke();
  return tile;
}

function addRing(path, points, first, count) {
  path.moveTo(points[2 * first], points[2 * first + 1]);
  for (let i = first + 1; i < first + count; i++) path.lineTo(points[2 * i], points[2 * i + 1]);
  path.closePath();
}
