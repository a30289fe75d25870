// The list of people at the side: search, filters, a page of rows. The server does the searching.

import { button, h, icon } from "./element.js";
import { placeAddress } from "./place.js";
import { whileThere } from "./source.js";
import { counted, number, t } from "./texts.js";

const FILTERS = ["all", "review", "problems", "duplicate", "suppressed", "left-out", "unreadable", "caught"];

export class PeopleList {
  search = "";
  among = "all";
  #offset = 0;
  #asked = 0;
  #revealed = "";
  #page = { people: [], offset: 0, total: 0, length: 50 };
  #room;

  // `room` gives campaign(), place(), ask(query), go(key, kind), compare(key)
  constructor(aside, room) {
    this.#room = room;
    this.field = h("input", {
      type: "search", id: "search", autocomplete: "off", spellcheck: "false",
      "aria-label": t("search"), placeholder: t("searchShort"), oninput: () => this.#searchSoon(),
    });
    this.rowField = h("input", {
      type: "number", id: "row", min: "1", "aria-label": t("goToRow"), placeholder: t("row"), title: t("goToRow"),
    });
    this.filters = h("div", { class: "filters", role: "group", "aria-label": t("show") });
    this.note = h("p", { class: "note", hidden: true });
    this.list = h("ol", { class: "list" });
    this.pager = h("nav", { class: "pager", "aria-label": t("people") });
    aside.append(
      h(
        "div",
        { class: "people-head" },
        h(
          "div",
          { class: "finder" },
          h("div", { class: "field", role: "search" }, icon("search"), this.field),
          h("form", { class: "row-form", onsubmit: (event) => whileThere(() => this.#goToRow(event)) }, this.rowField),
          button(t("close"), () => room.closePeople(), { class: "quiet round only-narrow" }, icon("close")),
        ),
        this.filters,
        this.note,
      ),
      this.list,
      this.pager,
    );
  }

  query() {
    return { search: this.search, among: this.among };
  }

  // Ask for the page on which the chosen person stands, or for the page turned to.
  refresh({ around = "", offset = this.#offset } = {}) {
    return whileThere(() => this.#turnTo(around, offset));
  }

  async #turnTo(around, offset) {
    const asked = (this.#asked += 1);
    const page = await this.#room.ask({ ...this.query(), offset, around });
    if (asked !== this.#asked) return;
    this.#page = page;
    this.#offset = page.offset;
    this.draw();
  }

  holds(key) {
    return this.#page.people.some((person) => person.key === key);
  }

  first() {
    return this.#page.people[0];
  }

  async choose(among) {
    this.among = among;
    await this.refresh({ offset: 0 });
  }

  draw() {
    this.#drawFilters();
    this.#drawNote();
    const { key, kind } = this.#room.place();
    const held = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const shownKind = this.among === "caught" ? "caught" : "person";
    this.list.replaceChildren(
      ...this.#page.people.map((person) => this.#item(person, shownKind, kind === shownKind && person.key === key)),
    );
    if (!this.#page.people.length) {
      this.list.append(h("li", { class: "nobody" }, t(this.among === "caught" ? "nothingCaught" : "nobody")));
    }
    this.#drawPager();
    if (held) this.list.querySelector(`[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    this.#reveal(key);
  }

  // Once for each person: whoever scrolls the list is not to be pulled back.
  #reveal(key) {
    const current = this.list.querySelector("[aria-current]");
    if (!current || key === this.#revealed) return;
    this.#revealed = key;
    current.scrollIntoView({ block: "nearest" });
  }

  #item(person, kind, current) {
    const place = this.#room.place();
    const name = person.name || person.address || person.subject || t("row");
    const second = person.name ? person.address : "";
    return h(
      "li",
      {},
      h(
        "a",
        {
          class: `person${person.mark ? " muted" : ""}`,
          href: placeAddress({ ...place, kind, key: person.key, other: "" }),
          "aria-current": current ? "true" : null,
          onclick: () => this.#room.closePeople(),
        },
        h("span", { class: "person-name", dir: "auto" }, name),
        h("span", { class: "person-row" }, person.row ? number(person.row) : ""),
        h("span", { class: person.reason ? "person-reason" : "person-address", dir: "auto" }, person.reason ? reasonText(person.reason) : second || person.note || "\u00a0"),
        h("span", { class: "person-marks" }, marks(person)),
      ),
      kind === "person" && !current &&
        button(t("compareWith", { name }), () => this.#room.compare(person.key), { class: "quiet round person-compare", tabindex: "-1" }, icon("compare")),
    );
  }

  #drawFilters() {
    const { counts, caught, problems, review } = this.#room.campaign();
    const sizes = { ...counts, problems: problems.people, review: review.keys.length, caught };
    const shown = FILTERS.filter((name) => name === "all" || name === "review" || sizes[name] || name === this.among);
    const held = this.filters.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    this.filters.replaceChildren(
      ...shown.map((name) =>
        h(
          "button",
          { type: "button", "aria-pressed": String(name === this.among), "data-value": name, onclick: () => this.choose(name) },
          t(name),
          h("span", { class: "count" }, number(sizes[name] ?? 0)),
        ),
      ),
    );
    if (held) this.filters.querySelector(`[data-value="${held}"]`)?.focus();
  }

  #drawNote() {
    const { review } = this.#room.campaign();
    this.note.hidden = this.among !== "review";
    const words = { count: number(review.keys.length), total: number(review.of), examined: number(review.examined) };
    if (!review.done) this.note.textContent = t("choosing", { count: number(review.examined), total: number(review.of) });
    else this.note.textContent = t(review.examined < review.of ? "reviewPart" : "reviewDone", words);
  }

  #drawPager() {
    const { offset, people, total, length = total } = this.#page;
    this.pager.hidden = total <= people.length;
    const last = offset + people.length;
    this.pager.replaceChildren(
      button(t("earlier"), () => this.refresh({ offset: offset - length }), { class: "quiet round", disabled: offset === 0 }, icon("before")),
      h("span", {}, t("pageOf", { first: number(offset + 1), last: number(last), total: number(total) })),
      button(t("later"), () => this.refresh({ offset: last }), { class: "quiet round", disabled: last >= total }, icon("after")),
    );
  }

  #searchSoon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.search = this.field.value;
      this.refresh({ offset: 0 });
    }, 90);
  }

  async #goToRow(event) {
    event.preventDefault();
    if (!this.rowField.value) return;
    const { found } = await this.#room.ask({ row: this.rowField.value });
    this.rowField.value = "";
    if (!found) return;
    this.among = "all";
    this.search = this.field.value = "";
    this.#room.closePeople();
    this.#room.go(found);
  }
}

// What the review set says of a person: short words of the server, in the page's language.
export function reasonText(reason) {
  return reason.map(([name, count]) => t(`reason-${name}`, { count: number(count) })).join(" · ");
}

function marks(person) {
  const found = [];
  if (person.errors) found.push(h("span", { class: "mark error", title: counted(person.errors, "oneError", "errors") }, h("span", { class: "unseen" }, counted(person.errors, "oneError", "errors"))));
  else if (person.warnings) found.push(h("span", { class: "mark warning", title: counted(person.warnings, "oneWarning", "warnings") }, h("span", { class: "unseen" }, counted(person.warnings, "oneWarning", "warnings"))));
  if (person.mark) found.push(h("span", { class: "tag" }, t(oneOf(person.mark))));
  return found;
}

export function oneOf(mark) {
  return `one${mark[0].toUpperCase()}${mark.slice(1)}`;
}
