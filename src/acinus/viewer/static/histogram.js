// The histogram is the legend too: each bar has the colour of the glands it counts. Dragging over it filters.

import { css, classOf } from "./colours.js";

const MOST_BINS = 44;
const FEWEST_BINS = 12; // few glands, few bars
const DRAG_PX = 3; // less is a click, which clears

export class Histogram {
  constructor(canvas, brushed) {
    this.canvas = canvas;
    this.brushed = brushed;
    this.data = null;
    this.filter = null;
    this.from = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => { this.from = null; });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(values, statistic, filter) {
    const span = statistic.high - statistic.low || 1;
    const count = Math.min(Math.max(Math.ceil(2 * Math.sqrt(values.length)), FEWEST_BINS), MOST_BINS);
    const bins = new Uint32Array(count);
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      const bin = Math.floor(((value - statistic.low) / span) * count);
      bins[Math.min(Math.max(bin, 0), count - 1)]++;
    }
    this.data = { bins, statistic, span, highest: Math.max(1, ...bins) };
    this.setFilter(filter);
  }

  setFilter(filter) {
    this.filter = filter;
    this.draw();
  }

  draw() {
    if (!this.data) return;
    const { canvas, filter } = this;
    const { bins, statistic, span, highest } = this.data;
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = "#dfe3e6";
    context.fillRect(0, height - 1, width, 1);
    const bar = width / bins.length;
    bins.forEach((count, i) => {
      const middle = statistic.low + ((i + 0.5) / bins.length) * span;
      const outside = filter && !(middle >= filter.from && middle <= filter.to);
      const tall = count ? Math.max(1.5, (height - 6) * (count / highest)) : 0;
      context.fillStyle = outside ? "#cdd3d7" : css(classOf(middle, statistic));
      context.fillRect(i * bar + 0.5, height - 1 - tall, Math.max(bar - 1, 1), tall);
    });
    if (filter) this.#drawBrush(context, width, height);
  }

  #drawBrush(context, width, height) {
    const [left, right] = [this.#x(this.filter.from, width), this.#x(this.filter.to, width)];
    context.fillStyle = "rgba(29, 92, 99, 0.10)";
    context.fillRect(left, 0, right - left, height - 1);
    context.fillStyle = "#1d5c63";
    context.fillRect(left, 0, 1.5, height - 1);
    context.fillRect(right - 1.5, 0, 1.5, height - 1);
  }

  #x(value, width) {
    const { statistic, span } = this.data;
    return Math.min(Math.max((value - statistic.low) / span, 0), 1) * width;
  }

  // Whole bars. Those at the ends count all that lies beyond, so a brush that reaches an end is open there.
  #range(a, b) {
    const { bins, statistic, span } = this.data;
    const bar = this.canvas.clientWidth / bins.length;
    const [first, last] = [Math.floor(Math.min(a, b) / bar), Math.ceil(Math.max(a, b) / bar)];
    const value = (i) => statistic.low + (i / bins.length) * span;
    return { from: first <= 0 ? -Infinity : value(first), to: last >= bins.length ? Infinity : value(last) };
  }

  #down(event) {
    if (!this.data || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.from = event.offsetX;
  }

  #move(event) {
    if (this.from === null || Math.abs(event.offsetX - this.from) < DRAG_PX) return;
    this.brushed(this.#range(this.from, event.offsetX));
  }

  #up(event) {
    if (this.from === null) return;
    if (Math.abs(event.offsetX - this.from) < DRAG_PX) this.brushed(null);
    this.from = null;
  }
}
