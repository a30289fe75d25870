// The page: who is shown in which view, and what happens when something changes.

import { openHelp, openTest } from "./dialogs.js";
import { announce, button, h, icon } from "./element.js";
import { InboxPanel, View } from "./inbox.js";
import { listenForKeys } from "./keys.js";
import { brokenPanel, cellsPanel, countLine, headersPanel, partsPanel, problemsPanel, sourcePanel, textPanel } from "./panels.js";
import { PeopleList, oneOf } from "./people.js";
import { TABS, placeAddress, readPlace, samePerson } from "./place.js";
import { ReadingPlace } from "./reading.js";
import { Unreachable, openSource, whileThere } from "./source.js";
import { counted, number, t, translatePage } from "./texts.js";

const PANELS = { text: textPanel, source: sourcePanel, headers: headersPanel, parts: partsPanel, cells: cellsPanel, problems: problemsPanel };
const WITHOUT_MESSAGE = ["cells", "problems"];

class Preview {
  source = openSource();
  view = new View();
  place = readPlace();
  campaign = null;
  shown = null;
  other = null;
  #asked = 0;
  #turns = [];
  #turnedTo = "";

  async start() {
    translatePage();
    this.onkeydown = listenForKeys(this.#keys());
    this.list = new PeopleList(document.getElementById("people"), this.#listRoom());
    this.main = document.getElementById("message");
    this.reading = new ReadingPlace(this.main);
    document.getElementById("help-button").addEventListener("click", openHelp);
    document.getElementById("people-toggle").addEventListener("click", () => this.#togglePeople());
    window.addEventListener("hashchange", () => whileThere(() => this.#moved()));
    this.#drawLive(this.source.live ? "on" : "kept");
    await this.#refresh();
    this.source.follow((kind) => whileThere(() => this.#changed(kind)), (on) => this.#connected(on));
  }

  // Everything anew: at the start, and after each change of the files.
  async #refresh() {
    this.campaign = await this.source.campaign();
    this.#drawBar();
    if (this.campaign.broken && !this.campaign.counts.all) {
      this.main.replaceChildren(brokenPanel(this.campaign.broken, t("brokenTitle"), t("brokenHint")));
      return;
    }
    await this.list.refresh({ around: this.place.kind === "person" ? this.place.key : "" });
    if (!this.place.key && this.list.first()) this.#replace({ ...this.place, key: this.list.first().key });
    await this.#load();
  }

  async #changed(kind) {
    if (kind === "changed") {
      this.reading.hold();
      await this.#refresh();
      announce(t("updated"));
    } else {
      this.campaign = await this.source.campaign();
      this.#drawBar();
      await this.list.refresh();
      if (this.place.tab === "problems") this.#drawPanel();
    }
  }

  // A preview that was stopped and started again is another one: begin anew, at the same place.
  #connected(on) {
    if (on && this.lost) location.reload();
    this.lost = !on;
    this.#drawLive(on ? "on" : "off");
  }

  async #moved() {
    const before = this.place;
    this.place = readPlace();
    if (this.place.key !== this.#turnedTo) this.#turns = []; // somebody was chosen otherwise
    if (!this.campaign) return; // the start is still on its way, and reads the place itself
    if (this.shown && samePerson(before, this.place) && before.other === this.place.other) {
      this.#draw();
      return;
    }
    if (this.place.kind === "person" && !this.list.holds(this.place.key)) await this.list.refresh({ around: this.place.key });
    else this.list.draw();
    await this.#load();
    this.reading.begin();
  }

  async #load() {
    const asked = (this.#asked += 1);
    const { place } = this;
    if (!place.key) return this.#drawNobody();
    try {
      const [shown, other] = await Promise.all([
        this.source.message(place, this.list.query()),
        place.other ? this.source.message({ kind: "person", key: place.other }).catch(() => null) : null,
      ]);
      if (asked !== this.#asked) return;
      [this.shown, this.other, this.shownPlace] = [shown, other, place];
    } catch (error) {
      if (asked !== this.#asked) return;
      [this.shown, this.other, this.#turns] = [null, null, []];
      this.main.replaceChildren(h("p", { class: "nothing" }, error instanceof Unreachable ? t("liveOff") : t("gone")));
      return;
    }
    this.#draw();
    if (this.#turns.length) this.#turn(this.#turns.shift());
  }

  #go(key, kind = "person") {
    location.hash = placeAddress({ ...readPlace(), key, kind });
  }

  #replace(place) {
    this.place = place;
    history.replaceState(null, "", placeAddress(place));
    this.list.draw();
  }

  // A step while the next person is on the way is taken when that one is there.
  #turn(direction) {
    if (this.shown && !samePerson(readPlace(), this.shownPlace)) {
      this.#turns.push(direction);
      return;
    }
    const key = this.shown?.[direction];
    this.#turnedTo = key ?? "";
    if (key) this.#go(key, this.place.kind);
    else if (this.#turns.length) this.#turn(this.#turns.shift());
  }

  #choose(tab) {
    if (this.place.kind === "caught" && tab === "cells") return;
    location.hash = placeAddress({ ...readPlace(), tab });
  }

  #compare(key) {
    const place = readPlace();
    const other = key ?? (place.other ? "" : this.shown?.after || this.shown?.before || "");
    location.hash = placeAddress({ ...place, other });
  }

  #setView(changes) {
    this.view.change(changes);
    if (this.place.tab === "message" && this.shown?.message) this.#drawPanel();
  }

  // Drawing

  #draw() {
    const focused = document.activeElement?.id;
    const panel = document.getElementById("panel");
    // The panel stays in the document with the frame in it, which would load again if it were moved.
    if (panel) this.main.querySelector(".top").replaceWith(this.#top());
    else this.main.replaceChildren(this.#top(), this.#newPanel());
    this.#drawPanel();
    this.#revealTab(document.getElementById(`tab-${this.place.tab}`));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    document.title = `${this.shown.name || this.shown.address} · ${this.campaign.name}`;
    if (this.shown.row) announce(`${this.shown.name || this.shown.address}, ${t("row")} ${this.shown.row}`);
  }

  // scrollIntoView would move the message too.
  #revealTab(tab) {
    if (!tab) return;
    const [strip, box] = [tab.parentElement, tab.getBoundingClientRect()];
    const { left, right } = strip.getBoundingClientRect();
    strip.scrollLeft += Math.max(0, box.right + 24 - right) - Math.max(0, left + 24 - box.left);
  }

  #drawPanel() {
    const panel = document.getElementById("panel");
    if (!panel || !this.shown) return;
    // While the next person is on the way, what is shown is still the last one.
    const { shown, other, shownPlace: place } = this;
    const { tab } = this.place;
    panel.setAttribute("aria-labelledby", `tab-${tab}`);
    const framed = tab === "message" && shown.message;
    this.inbox.element.hidden = !framed;
    if (framed) {
      const sides = [{ place, shown }];
      if (other?.message) sides.push({ place: { kind: "person", key: other.key }, shown: other });
      this.body.replaceChildren();
      this.inbox.show(sides);
    } else if (shown.message || WITHOUT_MESSAGE.includes(tab)) {
      this.body.replaceChildren(PANELS[tab]({ shown, other, place, room: this.#panelRoom() }));
    } else this.body.replaceChildren(this.#reason(shown));
    this.reading.settle();
  }

  #newPanel() {
    this.body = h("div", {});
    this.inbox = this.#newInbox();
    return h("div", { class: "panel", id: "panel", role: "tabpanel" }, this.inbox.element, this.body);
  }

  #newInbox() {
    return new InboxPanel({
      source: this.source,
      view: this.view,
      generation: () => this.campaign.generation,
      setView: (changes) => this.#setView(changes),
      onkeydown: (event) => this.onkeydown(event),
      onfit: () => this.reading.settle(),
    });
  }

  #reason(shown) {
    if (shown.broken) return brokenPanel(shown.broken, t("notMade"), t("brokenHint"));
    return h("p", { class: "nothing" }, t("notMeant", { reason: shown.note || t(oneOf(shown.mark || "unreadable")) }));
  }

  #top() {
    const { shown, place } = this;
    return h(
      "div",
      { class: "top" },
      this.#banner(),
      h(
        "div",
        { class: "who" },
        h(
          "div",
          { class: "who-name" },
          h("h2", { dir: "auto" }, shown.name || shown.address || shown.message?.subject || `${t("row")} ${shown.row}`),
          h("p", { dir: "auto" }, [shown.name && shown.address, shown.row && `${t("row")} ${number(shown.row)}`].filter(Boolean).join(" · "), shown.mark && h("span", { class: "tag" }, t(oneOf(shown.mark)))),
        ),
        h(
          "div",
          { class: "who-turn" },
          button(t("before"), () => this.#turn("before"), { class: "quiet round", id: "before", disabled: !shown.before, "aria-keyshortcuts": "k" }, icon("before")),
          button(t("after"), () => this.#turn("after"), { class: "quiet round", id: "after", disabled: !shown.after, "aria-keyshortcuts": "j" }, icon("after")),
        ),
        h(
          "div",
          { class: "who-actions" },
          place.kind === "person" && button(t("compare"), () => this.#compare(), { id: "compare", "aria-pressed": String(Boolean(place.other)), disabled: !shown.message }, icon("compare"), h("span", {}, t("compare"))),
          shown.message && h("a", { class: "quiet", href: this.source.octetsAddress(place), download: "", title: `${t("download")} .eml`, "aria-label": `${t("download")} .eml` }, icon("download"), h("span", {}, ".eml")),
          this.source.live && shown.message && place.kind === "person" && h("button", { type: "button", class: "strong", id: "test", onclick: () => this.#test() }, icon("send"), h("span", {}, t("test"))),
        ),
      ),
      place.other && this.other && this.#comparison(),
      this.#tabs(),
    );
  }

  // What is wrong with the whole campaign, unless it stands where the message would be.
  #banner() {
    const { broken } = this.campaign;
    const told = this.shown.broken?.message === broken?.message && !WITHOUT_MESSAGE.includes(this.place.tab);
    return broken && !told && h("div", { class: "banner" }, brokenPanel(broken, t("brokenTitle"), t("brokenHint")));
  }

  #comparison() {
    const { other } = this;
    return h(
      "div",
      { class: "comparison" },
      h("span", { class: "note" }, t("comparedWith")),
      h("strong", { dir: "auto" }, other.name || other.address),
      h("span", { class: "note" }, `${t("row")} ${number(other.row)}`),
      button(t("before"), () => this.#compare(other.before), { class: "quiet round", id: "other-before", disabled: !other.before }, icon("before")),
      button(t("after"), () => this.#compare(other.after), { class: "quiet round", id: "other-after", disabled: !other.after }, icon("after")),
      button(t("compareEnd"), () => this.#compare(""), { class: "quiet round", id: "compare-end" }, icon("close")),
    );
  }

  #tabs() {
    const { problems } = this.shown;
    const counts = { problems: problems.length };
    const tabs = TABS.filter((name) => this.place.kind === "person" || name !== "cells").map((name) =>
      h(
        "button",
        {
          type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel",
          "aria-selected": String(name === this.place.tab), tabindex: name === this.place.tab ? "0" : "-1",
          onclick: () => this.#choose(name),
        },
        t(name),
        counts[name] > 0 && h("span", { class: `count ${problems.some((one) => one.severity === "error") ? "error" : "warning"}` }, number(counts[name])),
      ),
    );
    const arrows = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = tabs[tabs.indexOf(event.target.closest("[role=tab]")) + step];
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    };
    return h("div", { class: "tabs", role: "tablist", "aria-label": t("tabs"), onkeydown: arrows }, tabs);
  }

  #drawBar() {
    const { name, counts, problems, broken } = this.campaign;
    document.getElementById("campaign-name").textContent = name;
    const people = counts.all === 1 ? t("onePerson") : t("peopleCount", { count: number(counts.all) });
    const state = problems.done ? countLine(problems) : t("checking", { count: number(problems.checked), total: number(counts.all) });
    document.getElementById("campaign-line").textContent = broken && !counts.all ? t("brokenTitle") : `${people} · ${state}`;
  }

  #drawLive(state) {
    const live = document.getElementById("live");
    live.className = `live ${state}`;
    live.textContent = t({ on: "live", off: "liveOff", kept: "kept" }[state]);
  }

  #drawNobody() {
    this.#turns = [];
    this.main.replaceChildren(h("p", { class: "nothing" }, t(this.place.kind === "caught" ? "nothingCaught" : "nobody")));
  }

  #test() {
    const { source, shownPlace: place, shown, campaign } = this;
    openTest({ source, place, shown, server: campaign.server });
  }

  #togglePeople(open = !document.body.classList.contains("people-open")) {
    document.body.classList.toggle("people-open", open);
    document.getElementById("people-toggle").setAttribute("aria-expanded", String(open));
    if (open) this.list.field.focus();
  }

  #listRoom() {
    return {
      campaign: () => this.campaign,
      place: () => this.place,
      ask: (query) => this.source.people(query),
      go: (key, kind) => this.#go(key, kind),
      compare: (key) => this.#compare(key),
      closePeople: () => this.#togglePeople(false),
    };
  }

  #panelRoom() {
    return {
      source: this.source,
      everybody: () => ({ groups: this.campaign.problems.groups, summary: countLine(this.campaign.problems) }),
    };
  }

  #keys() {
    const tabs = Object.fromEntries(TABS.map((name, at) => [String(at + 1), () => this.#choose(name)]));
    return {
      ...tabs,
      j: () => this.#turn("after"),
      k: () => this.#turn("before"),
      "/": () => this.#search(),
      d: () => this.#setView({ scheme: this.view.nextScheme() }),
      m: () => this.#setView({ width: this.view.nextWidth() }),
      i: () => this.#setView({ images: !this.view.images }),
      s: () => this.#setView({ styles: !this.view.styles }),
      c: () => this.#compare(),
      "?": openHelp,
      Escape: () => this.#escape(),
    };
  }

  #search() {
    if (getComputedStyle(document.getElementById("people-toggle")).display !== "none") this.#togglePeople(true);
    this.list.field.focus();
    this.list.field.select();
  }

  #escape() {
    this.#togglePeople(false);
    if (this.list.field === document.activeElement) this.main.focus({ preventScroll: true });
  }
}

new Preview().start();
