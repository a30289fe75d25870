// The header above a message: the recipient with the buttons, the comparison, and the tabs of the views.

import { button, h, icon, stateTag } from "./element.js";
import { brokenPanel } from "./panels.js";
import { TABS } from "./route.js";
import { language, number, rowNumber, statusText, t } from "./texts.js";

const WITHOUT_MESSAGE = ["cells", "problems"];

// Whether a view can be shown for a row that gets no message.
export function worksWithoutMessage(tab) {
  return WITHOUT_MESSAGE.includes(tab);
}

// `page` gives campaign, data, route, shown, other, and the actions step(), compare(), sendTest(), choose()
export function messageHeader(page) {
  return h("div", { class: "top" }, banner(page), titleRow(page), page.route.other && page.other && comparison(page), deliveryLine(page.shown.delivery), tabs(page));
}

// The problem of the whole campaign, unless it is shown in place of the message.
function banner({ campaign, shown, route }) {
  const { broken } = campaign;
  const shownBelow = shown.broken?.message === broken?.message && !worksWithoutMessage(route.tab);
  return broken && !shownBelow && h("div", { class: "banner" }, brokenPanel(broken, t("brokenTitle"), t("brokenHint")));
}

function titleRow(page) {
  const { shown, step } = page;
  const row = shown.rows?.length ? shown.note : shown.row && rowNumber(shown.row);
  return h(
    "div",
    { class: "title-row" },
    h("h2", { dir: "auto" }, shown.name || shown.address || shown.message?.subject || row),
    h("p", {}, [shown.name && shown.address, row].filter(Boolean).map((text) => h("span", { class: "detail", dir: "auto" }, text)), shown.status && h("span", { class: "tag" }, statusText(shown.status))),
    h(
      "div",
      { class: "title-steps" },
      button(t("previous"), () => step("before"), { class: "quiet round", id: "before", disabled: !shown.before, "aria-keyshortcuts": "k" }, icon("before")),
      button(t("next"), () => step("after"), { class: "quiet round", id: "after", disabled: !shown.after, "aria-keyshortcuts": "j" }, icon("after")),
    ),
    actions(page),
  );
}

// What the last send did with this recipient: the state, the time, and the reply of the server.
function deliveryLine(delivery) {
  if (!delivery) return null;
  const { state, reply, at } = delivery;
  const time = at && new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  return h(
    "p",
    { class: "delivery" },
    stateTag(state),
    time && state !== "pending" && h("span", { class: "note" }, time),
    reply && h("span", { class: "note", dir: "auto" }, reply),
  );
}

function actions({ data, route, shown, compare, sendTest }) {
  const isRecipient = route.kind === "recipient";
  return h(
    "div",
    { class: "title-actions" },
    isRecipient && button(t("compare"), () => compare(), { id: "compare", "aria-pressed": String(Boolean(route.other)), disabled: !shown.message }, icon("compare"), h("span", {}, t("compare"))),
    shown.message && h("a", { class: "quiet", href: data.emlAddress(route), download: "", title: t("download"), "aria-label": t("download") }, icon("download"), h("span", {}, ".eml")),
    data.live && shown.message && isRecipient && h("button", { type: "button", class: "strong", id: "test", onclick: sendTest }, icon("send"), h("span", {}, t("test"))),
  );
}

function comparison({ other, compare }) {
  return h(
    "div",
    { class: "comparison" },
    h("span", { class: "note" }, t("comparedWith")),
    h("strong", { dir: "auto" }, other.name || other.address),
    h("span", { class: "note" }, rowNumber(other.row)),
    h(
      "span",
      { class: "title-steps" },
      button(t("previous"), () => compare(other.before), { class: "quiet round", id: "other-before", disabled: !other.before }, icon("before")),
      button(t("next"), () => compare(other.after), { class: "quiet round", id: "other-after", disabled: !other.after }, icon("after")),
      button(t("compareEnd"), () => compare(""), { class: "quiet round", id: "compare-end" }, icon("close")),
    ),
  );
}

function tabs({ route, shown, choose }) {
  const { problems } = shown;
  const counts = { problems: problems.length };
  const severity = problems.some((one) => one.severity === "error") ? "error" : "warning";
  const names = TABS.filter((name) => route.kind === "recipient" || name !== "cells");
  const buttons = names.map((name) =>
    h(
      "button",
      {
        type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel",
        "aria-selected": String(name === route.tab), tabindex: name === route.tab ? "0" : "-1",
        onclick: () => choose(name),
      },
      t(name),
      counts[name] > 0 && h("span", { class: `count ${severity}` }, number(counts[name])),
    ),
  );
  const onkeydown = (event) => {
    const direction = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = buttons[buttons.indexOf(event.target.closest("[role=tab]")) + direction];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  };
  return h("div", { class: "tabs", role: "tablist", "aria-label": t("tabs"), onkeydown }, buttons);
}
