// Where the reader is in the message: kept while it is made anew, even if for a moment there is less of it.

export class ReadingPlace {
  #main;
  #wanted = null;

  constructor(main) {
    this.#main = main;
    const moves = ["wheel", "touchmove", "pointerdown", "keydown"];
    for (const type of moves) window.addEventListener(type, () => (this.#wanted = null), { passive: true });
  }

  begin() {
    this.#wanted = null;
    this.#scroller.scrollTop = 0;
  }

  hold() {
    this.#wanted ??= this.#scroller.scrollTop;
  }

  settle() {
    if (this.#wanted === null) return;
    const scroller = this.#scroller;
    scroller.scrollTop = this.#wanted;
    if (Math.abs(scroller.scrollTop - this.#wanted) < 2) this.#wanted = null;
  }

  // On a narrow screen the whole page scrolls, on a wide one the message beside the list.
  get #scroller() {
    return getComputedStyle(this.#main).overflowY === "visible" ? document.scrollingElement : this.#main;
  }
}
