// Keeps the outlines around the view loaded: asks for a margin more than is seen, and again after a zoom.

import * as api from "./api.js";

const MARGIN = 0.35; // of the view's sides
const WAIT_MS = 60; // the view must rest this long before it is asked for
const SMALLEST_PX = 4; // glands of fewer screen pixels are dots

const zoomOf = (scale) => Math.floor(Math.log2(scale));

export class Outlines {
  constructor({ arrived, failed }) {
    this.arrived = arrived;
    this.failed = failed;
    this.forget();
  }

  forget() {
    this.request?.abort();
    clearTimeout(this.timer);
    this.loaded = null; // {slide, box, zoom, rings}: rings null when there were too many
    this.waiting = null;
  }

  // The rings to draw for a view; null: draw dots.
  ringsFor(slide, view) {
    if (slide.glands.typical_px / view.scale < SMALLEST_PX) return null;
    if (!this.#covers(this.loaded, slide, view)) this.#ask(slide, view);
    return this.loaded?.slide === slide ? this.loaded.rings : null;
  }

  #covers(request, slide, view) {
    if (request?.slide !== slide || request.zoom !== zoomOf(view.scale)) return false;
    const { box } = request;
    return box.left <= view.left && box.top <= view.top && box.right >= view.right && box.bottom >= view.bottom;
  }

  #ask(slide, view) {
    if (this.#covers(this.waiting, slide, view)) return;
    const [across, down] = [(view.right - view.left) * MARGIN, (view.bottom - view.top) * MARGIN];
    const box = {
      left: view.left - across, top: view.top - down, right: view.right + across, bottom: view.bottom + down,
    };
    const request = { slide, box, zoom: zoomOf(view.scale) };
    this.waiting = request;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      this.request?.abort();
      this.request = new AbortController();
      let rings = null, problem = null; // after a problem not asked for again until the view changes
      try {
        rings = await api.outlines(slide.name, { ...box, scale: view.scale }, this.request.signal);
      } catch (error) {
        problem = error;
      }
      if (this.waiting !== request) return; // aborted, or too late to be: something else is wanted by now
      this.waiting = null;
      this.loaded = { ...request, rings };
      if (problem) this.failed(problem);
      this.arrived();
    }, WAIT_MS);
  }
}
