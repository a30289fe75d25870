// The page: which message is shown in which view, and what happens when something changes.

import { ifReachable, openData, Unreachable } from "./data.js";
import { openHelp, openTest } from "./dialogs.js";
import { announce, h } from "./element.js";
import { messageHeader, worksWithoutMessage } from "./header.js";
import { listenForKeys } from "./keys.js";
import { MessagePanel, View } from "./message.js";
import { brokenPanel, cellsPanel, countLine, headersPanel, partsPanel, problemsPanel, sourcePanel, textPanel } from "./panels.js";
import { RecipientList } from "./recipients.js";
import { TABS, readRoute, routeAddress, sameMessage } from "./route.js";
import { ScrollPosition } from "./scroll.js";
import { counted, number, rowNumber, statusText, t, translatePage } from "./texts.js";

const PANELS = { text: textPanel, source: sourcePanel, headers: headersPanel, parts: partsPanel, cells: cellsPanel, problems: problemsPanel };

class Preview {
  data = openData();
  view = new View();
  route = readRoute();
  campaign = null;
  shown = null;
  other = null;
  #requests = 0;
  #steps = [];
  #steppedTo = "";

  async start() {
    translatePage();
    this.onkeydown = listenForKeys(this.#keys());
    this.list = new RecipientList(document.getElementById("recipients"), this.#listPage());
    this.main = document.getElementById("message");
    this.scroll = new ScrollPosition(this.main);
    document.getElementById("help-button").addEventListener("click", openHelp);
    document.getElementById("list-toggle").addEventListener("click", () => this.#toggleList());
    window.addEventListener("hashchange", () => ifReachable(() => this.#moved()));
    this.#drawLive(this.data.live ? "on" : "static");
    await this.#refresh();
    this.data.follow((kind) => ifReachable(() => this.#changed(kind)), (on) => this.#connected(on));
  }

  // Load and draw everything: at the start, and after each change of the files.
  async #refresh() {
    this.campaign = await this.data.campaign();
    this.#drawBar();
    if (this.campaign.broken && !this.campaign.counts.all) {
      this.main.replaceChildren(brokenPanel(this.campaign.broken, t("brokenTitle"), t("brokenHint")));
      return;
    }
    await this.list.refresh({ around: this.route.kind === "recipient" ? this.route.key : "" });
    if (!this.route.key && this.list.first()) this.#replaceRoute({ ...this.route, key: this.list.first().key });
    await this.#load();
  }

  async #changed(kind) {
    if (kind === "changed") {
      this.scroll.save();
      await this.#refresh();
      announce(t("updated"));
    } else {
      this.campaign = await this.data.campaign();
      this.#drawBar();
      await this.list.refresh();
      if (this.route.tab === "problems") this.#drawPanel();
      if (Object.keys(this.campaign.deliveries).length) await this.#followDelivery();
    }
  }

  // A run has changed the ledger: only the line with the state is drawn again.
  async #followDelivery() {
    const { shownRoute: route } = this;
    if (!this.shown || route.kind !== "recipient") return;
    const { delivery } = await this.data.message(route, this.list.query());
    const changed = JSON.stringify(delivery) !== JSON.stringify(this.shown?.delivery);
    if (!changed || !this.shown || !sameMessage(route, this.shownRoute)) return;
    this.shown = { ...this.shown, delivery };
    this.#drawHeader();
  }

  // A preview that was stopped and started again has other data: reload the page at the same address.
  #connected(on) {
    if (on && this.lost) location.reload();
    this.lost = !on;
    this.#drawLive(on ? "on" : "off");
  }

  async #moved() {
    const before = this.route;
    this.route = readRoute();
    if (this.route.key !== this.#steppedTo) this.#steps = []; // another message was chosen meanwhile
    if (!this.campaign) return; // the start is still loading, and reads the route itself
    if (this.shown && sameMessage(before, this.route) && before.other === this.route.other) {
      this.#draw();
      return;
    }
    if (this.route.kind === "recipient" && !this.list.has(this.route.key)) await this.list.refresh({ around: this.route.key });
    else this.list.draw();
    await this.#load();
    this.scroll.reset();
  }

  async #load() {
    const request = (this.#requests += 1);
    const { route } = this;
    if (!route.key) return this.#drawEmpty();
    try {
      const [shown, other] = await Promise.all([
        this.data.message(route, this.list.query()),
        route.other ? this.data.message({ kind: "recipient", key: route.other }).catch(() => null) : null,
      ]);
      if (request !== this.#requests) return;
      [this.shown, this.other, this.shownRoute] = [shown, other, route];
    } catch (error) {
      if (request !== this.#requests) return;
      [this.shown, this.other, this.#steps] = [null, null, []];
      this.main.replaceChildren(h("p", { class: "nothing" }, error instanceof Unreachable ? t("liveOff") : t("gone")));
      return;
    }
    this.#draw();
    if (this.#steps.length) this.#step(this.#steps.shift());
  }

  #go(key, kind = "recipient") {
    location.hash = routeAddress({ ...readRoute(), key, kind });
  }

  #replaceRoute(route) {
    this.route = route;
    history.replaceState(null, "", routeAddress(route));
    this.list.draw();
  }

  // A step while the next message is loading is taken when it has loaded.
  #step(direction) {
    if (this.shown && !sameMessage(readRoute(), this.shownRoute)) {
      this.#steps.push(direction);
      return;
    }
    const key = this.shown?.[direction];
    this.#steppedTo = key ?? "";
    if (key) this.#go(key, this.route.kind);
    else if (this.#steps.length) this.#step(this.#steps.shift());
  }

  #choose(tab) {
    if (this.route.kind === "sandbox" && tab === "cells") return;
    location.hash = routeAddress({ ...readRoute(), tab });
  }

  #compare(key) {
    const route = readRoute();
    const other = key ?? (route.other ? "" : this.shown?.after || this.shown?.before || "");
    location.hash = routeAddress({ ...route, other });
  }

  #setView(changes) {
    this.view.change(changes);
    if (this.route.tab === "message" && this.shown?.message) this.#drawPanel();
  }

  // Drawing

  #draw() {
    const focused = document.activeElement?.id;
    const panel = document.getElementById("panel");
    // The panel stays in the document with its iframe, which would load again if it were moved.
    if (panel) this.#drawHeader();
    else this.main.replaceChildren(this.#header(), this.#newPanel());
    this.#drawPanel();
    this.#revealTab(document.getElementById(`tab-${this.route.tab}`));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    document.title = `${this.shown.name || this.shown.address} · ${this.campaign.name}`;
    if (this.shown.row) announce(`${this.shown.name || this.shown.address}, ${rowNumber(this.shown.row)}`);
  }

  #drawHeader() {
    const focused = document.activeElement?.id;
    this.main.querySelector(".top").replaceWith(this.#header());
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  #header() {
    return messageHeader({
      campaign: this.campaign,
      data: this.data,
      route: this.route,
      shown: this.shown,
      other: this.other,
      step: (direction) => this.#step(direction),
      compare: (key) => this.#compare(key),
      choose: (tab) => this.#choose(tab),
      sendTest: () => openTest({ data: this.data, route: this.shownRoute, shown: this.shown, server: this.campaign.server }),
    });
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
    // While the next message is loading, the last one is still shown.
    const { shown, other, shownRoute: route } = this;
    const { tab } = this.route;
    panel.setAttribute("aria-labelledby", `tab-${tab}`);
    const framed = tab === "message" && shown.message;
    this.messagePanel.element.hidden = !framed;
    if (framed) {
      const sides = [{ route, shown }];
      if (other?.message) sides.push({ route: { kind: "recipient", key: other.key }, shown: other });
      this.body.replaceChildren();
      this.messagePanel.show(sides);
    } else if (shown.message || worksWithoutMessage(tab)) {
      this.body.replaceChildren(PANELS[tab]({ shown, other, route, page: this.#panelPage() }));
    } else this.body.replaceChildren(this.#reason(shown));
    this.scroll.restore();
  }

  #newPanel() {
    this.body = h("div", {});
    this.messagePanel = new MessagePanel({
      data: this.data,
      view: this.view,
      generation: () => this.campaign.generation,
      setView: (changes) => this.#setView(changes),
      onkeydown: (event) => this.onkeydown(event),
      onfit: () => this.scroll.restore(),
    });
    return h("div", { class: "panel", id: "panel", role: "tabpanel" }, this.messagePanel.element, this.body);
  }

  #reason(shown) {
    if (shown.broken) return brokenPanel(shown.broken, t("notMade"), t("brokenHint"));
    return h("p", { class: "nothing" }, t("noMessage", { reason: shown.note || statusText(shown.status || "unreadable") }));
  }

  #drawBar() {
    const { name, counts, grouped, problems, broken, ledgerError } = this.campaign;
    document.getElementById("campaign-name").textContent = name;
    const rows = grouped ? counted(counts.all, "oneGroup", "groupCount") : counted(counts.all, "oneRow", "rowCount");
    const state = problems.done ? countLine(problems) : t("checking", { count: number(problems.checked), total: number(counts.all) });
    document.getElementById("campaign-line").textContent = broken && !counts.all ? t("brokenTitle") : [rows, state, ledgerError].filter(Boolean).join(" · ");
  }

  #drawLive(state) {
    const live = document.getElementById("live");
    live.className = `live ${state}`;
    live.textContent = t({ on: "live", off: "liveOff", static: "static" }[state]);
  }

  #drawEmpty() {
    this.#steps = [];
    this.main.replaceChildren(h("p", { class: "nothing" }, t(this.route.kind === "sandbox" ? "noSandbox" : "noRecipients")));
  }

  #toggleList(open = !document.body.classList.contains("list-open")) {
    document.body.classList.toggle("list-open", open);
    document.getElementById("list-toggle").setAttribute("aria-expanded", String(open));
    if (open) this.list.field.focus();
  }

  #listPage() {
    return {
      campaign: () => this.campaign,
      route: () => this.route,
      ask: (query) => this.data.recipients(query),
      go: (key, kind) => this.#go(key, kind),
      compare: (key) => this.#compare(key),
      closeList: () => this.#toggleList(false),
    };
  }

  #panelPage() {
    return {
      data: this.data,
      allProblems: () => ({ groups: [...this.campaign.problems.groups, ...(this.campaign.problems.notes ?? [])], summary: countLine(this.campaign.problems) }),
    };
  }

  #keys() {
    const tabs = Object.fromEntries(TABS.map((name, at) => [String(at + 1), () => this.#choose(name)]));
    return {
      ...tabs,
      j: () => this.#step("after"),
      k: () => this.#step("before"),
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
    if (getComputedStyle(document.getElementById("list-toggle")).display !== "none") this.#toggleList(true);
    this.list.field.focus();
    this.list.field.select();
  }

  #escape() {
    this.#toggleList(false);
    if (this.list.field === document.activeElement) this.main.focus({ preventScroll: true });
  }
}

new Preview().start();
