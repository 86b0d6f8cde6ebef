// The slide under the glands: OpenSeadragon with our tiles, and a view in level-0 pixels.

import * as api from "./api.js";

const { OpenSeadragon } = globalThis;
// OpenSeadragon adds a style element unless it finds this one; our content security policy refuses inline styles.
const standIn = document.createElementNS("urn:acinus", "style");
standIn.setAttribute("data-openseadragon-mobile-css", "");
document.head.append(standIn);

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Stage {
  // `moved` is called whenever the view changed, `clicked` with a level-0 point.
  constructor(element, { moved, clicked }) {
    this.slide = null;
    this.osd = OpenSeadragon({
      element,
      drawer: "canvas",
      showNavigationControl: false,
      showNavigator: true,
      navigatorId: "navigator",
      navigatorBackground: "#ffffff",
      navigatorBorderColor: "transparent",
      navigatorOpacity: 1,
      navigatorDisplayRegionColor: "#1d5c63",
      animationTime: calm ? 0 : 0.35,
      springStiffness: 8,
      zoomPerScroll: 1.35,
      minZoomImageRatio: 0.7,
      maxZoomPixelRatio: 8,
      visibilityRatio: 0.2,
      imageLoaderLimit: 6,
      maxImageCacheCount: 600,
      timeout: 60000,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
    });
    this.glands = document.createElement("canvas");
    this.glands.className = "glands";
    this.osd.canvas.append(this.glands);
    this.osd.canvas.setAttribute("aria-label", "Slide; arrow keys move, plus and minus zoom");
    this.osd.addHandler("update-viewport", moved);
    this.osd.addHandler("resize", () => requestAnimationFrame(moved));
    this.osd.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; }); // keys.js has them
    this.osd.addHandler("canvas-click", (event) => {
      if (!event.quick || !this.slide) return;
      const { left, top, scale } = this.view();
      clicked({ x: left + event.position.x * scale, y: top + event.position.y * scale });
    });
  }

  // Shows a slide; resolves once it can be moved.
  open(slide, session, position) {
    this.slide = null;
    return new Promise((resolve, reject) => {
      this.osd.addOnceHandler("open-failed", (event) => reject(new Error(event.message)));
      this.osd.addOnceHandler("open", () => {
        this.slide = slide;
        if (position) this.goTo(position, true);
        else this.osd.viewport.goHome(true);
        resolve();
      });
      this.osd.open({
        width: slide.width_px,
        height: slide.height_px,
        tileSize: slide.tile_px,
        minLevel: 0,
        maxLevel: slide.top_level,
        getTileUrl: (level, column, row) => api.tileAddress(slide.name, session, level, column, row),
      });
    });
  }

  // Level-0 box in view and level-0 pixels per CSS pixel.
  view() {
    const bounds = this.osd.viewport.getBoundsNoRotate(true);
    const width = this.slide.width_px;
    return {
      left: bounds.x * width,
      top: bounds.y * width,
      right: (bounds.x + bounds.width) * width,
      bottom: (bounds.y + bounds.height) * width,
      scale: (bounds.width * width) / this.osd.container.clientWidth,
    };
  }

  get wholeInView() {
    return this.osd.viewport.getZoom(true) <= this.osd.viewport.getHomeZoom() * 1.15;
  }

  // Centres a level-0 point, with `scale` level-0 pixels per CSS pixel if given.
  goTo({ x, y, scale }, immediately = calm) {
    const { viewport, container } = this.osd;
    const width = this.slide.width_px;
    const used = scale || this.view().scale;
    const across = (container.clientWidth * used) / width;
    const down = (container.clientHeight * used) / width;
    viewport.fitBounds(new OpenSeadragon.Rect(x / width - across / 2, y / width - down / 2, across, down), immediately);
  }

  // Brings a gland into view, zooming only when it is too small to see or larger than the window.
  show(box) {
    const view = this.view();
    const side = Math.max(box.right - box.left, box.bottom - box.top);
    const x = (box.left + box.right) / 2;
    const y = (box.top + box.bottom) / 2;
    const sidePx = side / view.scale;
    const fits = sidePx > 40 && sidePx < 0.7 * Math.min(this.osd.container.clientWidth, this.osd.container.clientHeight);
    this.goTo({ x, y, scale: fits ? view.scale : Math.max(side / 160, 0.25) });
  }

  zoom(factor) {
    this.osd.viewport.zoomBy(factor).applyConstraints();
  }

  pan(across, down) {
    const bounds = this.osd.viewport.getBounds();
    this.osd.viewport
      .panBy(new OpenSeadragon.Point(across * bounds.width, down * bounds.height))
      .applyConstraints();
  }

  home() {
    this.osd.viewport.goHome(calm);
  }
}
