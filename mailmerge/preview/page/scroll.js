// Keeps the scroll position while the message is made again, even if the page is shorter for a moment.

export class ScrollPosition {
  #main;
  #wanted = null;

  constructor(main) {
    this.#main = main;
    const moves = ["wheel", "touchmove", "pointerdown", "keydown"];
    for (const type of moves) window.addEventListener(type, () => (this.#wanted = null), { passive: true });
  }

  reset() {
    this.#wanted = null;
    this.#scroller.scrollTop = 0;
  }

  save() {
    this.#wanted ??= this.#scroller.scrollTop;
  }

  restore() {
    if (this.#wanted === null) return;
    const scroller = this.#scroller;
    scroller.scrollTop = this.#wanted;
    if (Math.abs(scroller.scrollTop - this.#wanted) < 2) this.#wanted = null;
  }

  // On a narrow screen the whole page scrolls, on a wide one only the message.
  get #scroller() {
    return getComputedStyle(this.#main).overflowY === "visible" ? document.scrollingElement : this.#main;
  }
}
