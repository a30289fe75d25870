// The list of recipients at the side: search, filters, one page of rows. The server searches.

import { ifReachable } from "./data.js";
import { button, h, icon, stateTag } from "./element.js";
import { routeAddress } from "./route.js";
import { counted, number, statusText, t } from "./texts.js";

const STATES = ["pending", "sent", "rejected", "deferred", "in_doubt", "skipped"];
const AFTER = ["bounced", "complained", "unsubscribed", "answered", "auto_replied"];
const FILTERS = ["all", "review", "problems", ...STATES, ...AFTER, "duplicate", "suppressed", "left-out", "unreadable", "sandbox"];

export class RecipientList {
  search = "";
  among = "all";
  #offset = 0;
  #requests = 0;
  #revealed = "";
  #rows = { recipients: [], offset: 0, total: 0, length: 50 };
  #page;

  // `page` gives campaign(), route(), ask(query), go(key, kind), compare(key), closeList()
  constructor(aside, page) {
    this.#page = page;
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
    this.pager = h("nav", { class: "pager", "aria-label": t("recipients") });
    aside.append(
      h(
        "div",
        { class: "recipients-head" },
        h(
          "div",
          { class: "finder" },
          h("div", { class: "field", role: "search" }, icon("search"), this.field),
          h("form", { class: "row-form", onsubmit: (event) => ifReachable(() => this.#goToRow(event)) }, this.rowField),
          button(t("close"), () => page.closeList(), { class: "quiet round only-narrow" }, icon("close")),
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

  // Load the page of rows with the recipient `around`, or the one that begins at `offset`.
  refresh({ around = "", offset = this.#offset } = {}) {
    return ifReachable(() => this.#load(around, offset));
  }

  async #load(around, offset) {
    const request = (this.#requests += 1);
    const rows = await this.#page.ask({ ...this.query(), offset, around });
    if (request !== this.#requests) return;
    this.#rows = rows;
    this.#offset = rows.offset;
    this.draw();
  }

  has(key) {
    return this.#rows.recipients.some((one) => one.key === key);
  }

  first() {
    return this.#rows.recipients[0];
  }

  async filter(among) {
    this.among = among;
    await this.refresh({ offset: 0 });
  }

  draw() {
    this.#drawFilters();
    this.#drawNote();
    const { key, kind } = this.#page.route();
    const focused = this.list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const shownKind = this.among === "sandbox" ? "sandbox" : "recipient";
    this.list.replaceChildren(
      ...this.#rows.recipients.map((one) => this.#item(one, shownKind, kind === shownKind && one.key === key)),
    );
    if (!this.#rows.recipients.length) {
      this.list.append(h("li", { class: "no-entries" }, t(this.among === "sandbox" ? "noSandbox" : "noRecipients")));
    }
    this.#drawPager();
    if (focused) this.list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    this.#reveal(key);
  }

  // Only once for each recipient, so that the list does not jump back while the user scrolls it.
  #reveal(key) {
    const current = this.list.querySelector("[aria-current]");
    if (!current || key === this.#revealed) return;
    this.#revealed = key;
    current.scrollIntoView({ block: "nearest" });
  }

  #item(entry, kind, current) {
    const route = this.#page.route();
    const name = entry.name || entry.address || entry.subject || t("row");
    const second = entry.name ? entry.address : "";
    return h(
      "li",
      {},
      h(
        "a",
        {
          class: `entry${entry.status ? " muted" : ""}`,
          href: routeAddress({ ...route, kind, key: entry.key, other: "" }),
          "aria-current": current ? "true" : null,
          onclick: () => this.#page.closeList(),
        },
        h("span", { class: "entry-name", dir: "auto" }, name),
        h("span", { class: "entry-row" }, entry.row ? number(entry.row) : ""),
        h("span", { class: entry.reason ? "entry-reason" : "entry-address", dir: "auto" }, entry.reason ? reasonText(entry.reason) : second || entry.note || "\u00a0"),
        h("span", { class: "entry-marks" }, marks(entry)),
      ),
      kind === "recipient" && !current &&
        button(t("compareWith", { name }), () => this.#page.compare(entry.key), { class: "quiet round entry-compare", tabindex: "-1" }, icon("compare")),
    );
  }

  #drawFilters() {
    const { counts, deliveries, sandbox, problems, review } = this.#page.campaign();
    const sizes = { ...counts, ...deliveries, problems: problems.rows, review: review.keys.length, sandbox };
    const shown = FILTERS.filter((name) => name === "all" || name === "review" || sizes[name] || name === this.among);
    const focused = this.filters.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    this.filters.replaceChildren(
      ...shown.map((name) =>
        h(
          "button",
          { type: "button", "aria-pressed": String(name === this.among), "data-value": name, onclick: () => this.filter(name) },
          STATES.includes(name) ? t(`all-${name}`) : t(name),
          h("span", { class: "count" }, number(sizes[name] ?? 0)),
        ),
      ),
    );
    if (focused) this.filters.querySelector(`[data-value="${focused}"]`)?.focus();
  }

  #drawNote() {
    const { review } = this.#page.campaign();
    this.note.hidden = this.among !== "review";
    const values = { count: number(review.keys.length), total: number(review.of), examined: number(review.examined) };
    if (!review.done) this.note.textContent = t("choosing", { count: number(review.examined), total: number(review.of) });
    else this.note.textContent = t(review.examined < review.of ? "reviewPart" : "reviewDone", values);
  }

  #drawPager() {
    const { offset, recipients, total, length = total } = this.#rows;
    this.pager.hidden = total <= recipients.length;
    const last = offset + recipients.length;
    this.pager.replaceChildren(
      button(t("previousPage"), () => this.refresh({ offset: offset - length }), { class: "quiet round", disabled: offset === 0 }, icon("before")),
      h("span", {}, t("pageOf", { first: number(offset + 1), last: number(last), total: number(total) })),
      button(t("nextPage"), () => this.refresh({ offset: last }), { class: "quiet round", disabled: last >= total }, icon("after")),
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
    const { found } = await this.#page.ask({ row: this.rowField.value });
    this.rowField.value = "";
    if (!found) return;
    this.among = "all";
    this.search = this.field.value = "";
    this.#page.closeList();
    this.#page.go(found);
  }
}

// The reasons why a row is in the review set: the server sends short names, the page has the texts.
function reasonText(reasons) {
  return reasons.map(([name, count]) => t(`reason-${name}`, { count: number(count) })).join(" · ");
}

function marks(entry) {
  const found = [];
  if (entry.errors) found.push(severityDot("error", counted(entry.errors, "oneError", "errors")));
  else if (entry.warnings) found.push(severityDot("warning", counted(entry.warnings, "oneWarning", "warnings")));
  if (entry.status) found.push(h("span", { class: "tag" }, statusText(entry.status)));
  if (entry.after) found.push(h("span", { class: "tag" }, statusText(entry.after)));
  if (entry.state && entry.state !== "pending") found.push(stateTag(entry.state));
  return found;
}

function severityDot(severity, text) {
  return h("span", { class: `dot ${severity}`, title: text }, h("span", { class: "unseen" }, text));
}
