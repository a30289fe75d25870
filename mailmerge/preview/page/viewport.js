// The iframe of a message at a chosen width, scaled down to fit, with a handle to resize it.

import { h } from "./element.js";
import { t } from "./texts.js";

export const WIDTHS = { phone: 375, tablet: 768, desktop: 1100 };
const NARROWEST = 240;
const WIDEST = 1600;

export class Viewport {
  #address = "";
  #height = 0;
  #width;

  constructor({ name, width, onwidth, onkeydown, onfit }) {
    this.#width = width;
    this.onwidth = onwidth;
    this.onkeydown = onkeydown;
    this.onfit = onfit;
    this.frame = h("iframe", { class: "frame", sandbox: "allow-same-origin", title: t("frameTitle", { name }) });
    this.frame.addEventListener("load", () => this.#loaded());
    this.handle = h("div", {
      class: "handle", role: "slider", tabindex: "0", "aria-orientation": "horizontal",
      "aria-label": t("widthHandle"), "aria-valuemin": NARROWEST, "aria-valuemax": WIDEST,
      onpointerdown: (event) => this.#drag(event), onkeydown: (event) => this.#nudge(event),
    });
    this.sheet = h("div", { class: "sheet" }, this.frame, this.handle);
    this.element = h("div", { class: "viewport" }, this.sheet);
    new ResizeObserver(() => this.fit()).observe(this.element);
  }

  // Show this address. The same recipient keeps the height, so that the page does not jump.
  show(address, name) {
    this.frame.title = t("frameTitle", { name });
    if (address === this.#address) return;
    this.#address = address;
    // `replace` adds nothing to the browser's history, which belongs to the address bar.
    if (this.frame.contentWindow) this.frame.contentWindow.location.replace(new URL(address, location.href));
    else this.frame.src = address;
  }

  set width(width) {
    this.#width = Math.min(WIDEST, Math.max(NARROWEST, Math.round(width)));
    this.#measure();
    this.fit();
  }

  get width() {
    return this.#width;
  }

  fit() {
    const available = this.element.clientWidth - 2 * this.#margin();
    if (available <= 0) return;
    this.scale = Math.min(1, available / this.#width);
    const height = Math.max(this.#height, 420);
    const { style } = this.frame;
    style.width = `${this.#width}px`;
    style.height = `${height}px`;
    style.transform = this.scale < 1 ? `scale(${this.scale})` : "";
    this.sheet.style.width = `${Math.round(this.#width * this.scale)}px`;
    this.sheet.style.height = `${Math.round(height * this.scale)}px`;
    this.handle.setAttribute("aria-valuenow", this.#width);
    this.handle.setAttribute("aria-valuetext", `${this.#width} px`);
    this.sheet.dataset.width = `${this.#width} px${this.scale < 1 ? ` · ${Math.round(this.scale * 100)} %` : ""}`;
  }

  #margin() {
    return parseFloat(getComputedStyle(this.element).paddingInlineStart);
  }

  // The frame runs no script, but it has the page's origin, so the page can measure it and hear its keys.
  #loaded() {
    const inside = this.#inside();
    if (inside) {
      inside.addEventListener("keydown", this.onkeydown);
      inside.addEventListener("click", (event) => {
        if (event.target.closest?.("a, area")) event.preventDefault();
      });
    }
    this.#measure();
    this.fit();
    this.onfit();
  }

  #inside() {
    try {
      return this.frame.contentDocument;
    } catch {
      return null; // static pages: two files never share an origin
    }
  }

  #measure() {
    const inside = this.#inside();
    const root = inside?.documentElement;
    if (!root) {
      this.#height = Math.max(420, window.innerHeight - 260);
      return;
    }
    this.frame.style.width = `${this.#width}px`;
    this.frame.style.height = "0px";
    this.#height = Math.min(Math.max(root.scrollHeight, inside.body?.scrollHeight ?? 0), 30000);
    this.frame.style.height = `${Math.max(this.#height, 420)}px`;
  }

  #drag(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.handle.setPointerCapture(event.pointerId);
    const [start, width] = [event.clientX, this.#width];
    // The sheet is centred, so it grows on both sides by the distance of the pointer.
    const move = (moved) => this.#resize(width + (2 * (moved.clientX - start)) / this.scale);
    const end = () => this.handle.removeEventListener("pointermove", move);
    this.handle.addEventListener("pointermove", move);
    this.handle.addEventListener("lostpointercapture", end, { once: true });
  }

  #nudge(event) {
    const step = { ArrowLeft: -10, ArrowRight: 10, PageDown: -100, PageUp: 100 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.#resize(this.#width + step);
  }

  #resize(width) {
    this.width = width;
    this.onwidth(this.#width);
  }
}
