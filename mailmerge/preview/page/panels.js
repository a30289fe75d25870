// The other views of a message: text, source, headers, MIME tree, row, problems.

import { differenceTable } from "./difference.js";
import { h, icon } from "./element.js";
import { sourceLines } from "./markup.js";
import { routeAddress } from "./route.js";
import { byteSize, counted, number, rowNumber, t } from "./texts.js";

const CLIP = 102 * 1024;

export function textPanel({ shown, other }) {
  const { text } = shown.message;
  if (other?.message) {
    const names = [shown, other].map((one) => one.name || one.address);
    return differenceTable(text ?? "", other.message.text ?? "", names);
  }
  if (text === null) return h("p", { class: "nothing" }, t("noText"));
  return h(
    "div",
    { class: "narrow" },
    h("pre", { class: "plain-text ruled card", dir: "auto", tabindex: "0" }, text),
    h("p", { class: "note" }, t("column72")),
  );
}

export function sourcePanel({ shown }) {
  const { html } = shown.message;
  if (html === null) return h("p", { class: "nothing" }, t("noHtml"));
  return h("div", { class: "card" }, sourceLines(html));
}

export function headersPanel({ shown }) {
  const { envelope, headers } = shown.message;
  return h(
    "div",
    { class: "columns" },
    h(
      "section",
      {},
      h("h3", {}, t("headerFields")),
      h(
        "dl",
        { class: "fields card" },
        headers.map(({ name, value, written }) =>
          h(
            "div",
            {},
            h("dt", {}, name),
            h("dd", { dir: "auto" }, value, plain(written) !== plain(value) && h("details", {}, h("summary", {}, t("asWritten")), h("code", {}, written))),
          ),
        ),
      ),
    ),
    envelope && envelopeSection(envelope),
  );
}

function plain(text) {
  return text.replace(/\s+/g, " ").trim();
}

function envelopeSection({ reversePath, forwardPath, copies, eightbit, smtputf8 }) {
  const needs = [eightbit && "8BITMIME", smtputf8 && "SMTPUTF8"].filter(Boolean).join(", ");
  return h(
    "section",
    { class: "envelope" },
    h("h3", {}, t("envelope")),
    h("p", { class: "note" }, t("envelopeHint")),
    h(
      "dl",
      { class: "card" },
      [
        ["mailFrom", reversePath || t("nullPath")],
        ["rcptTo", [forwardPath, ...(copies ?? [])].join(", ")],
        ["needs", needs || t("nothing")],
      ].map(([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value))),
    ),
  );
}

export function partsPanel({ shown, route, page }) {
  const { parts, raw, rawCut, size } = shown.message;
  return h(
    "div",
    {},
    h(
      "section",
      {},
      h("h3", {}, t("tree"), h("small", {}, byteSize(size))),
      h("ul", { class: "tree card" }, parts.map((part) => partItem(part, route, page))),
    ),
    h(
      "section",
      {},
      h("details", { class: "raw" }, h("summary", {}, t("raw")), rawCut && h("p", { class: "note" }, t("rawCut")), h("pre", { class: "card bytes", tabindex: "0" }, raw)),
    ),
  );
}

function partItem(part, route, page) {
  const leaf = !part.contentType.startsWith("multipart/");
  const details = [part.charset, part.encoding, part.disposition, part.contentId, part.location].filter(Boolean);
  return h(
    "li",
    { class: `depth-${Math.min(part.depth, 6)}` },
    icon(leaf ? (part.contentType.startsWith("image/") ? "images" : "file") : "parts"),
    h("span", { class: "part-name" }, h("strong", { dir: "auto" }, part.filename || part.contentType), h("span", { class: "part-details" }, [part.filename && part.contentType, ...details].filter(Boolean).join(" · "))),
    leaf && h("span", { class: "part-size" }, byteSize(part.size), h("span", {}, t("transferred", { size: byteSize(part.encoded) }))),
    leaf && h("a", { class: "part-open", href: page.data.partAddress(route, part.number), target: "_blank", rel: "noopener noreferrer", "aria-label": `${t("open")}: ${part.filename || part.contentType}` }, t("open")),
  );
}

export function cellsPanel({ shown }) {
  return h(
    "div",
    { class: "narrow" },
    h(
      "table",
      { class: "cells card" },
      h("thead", {}, h("tr", {}, ["column", "cell", "use"].map((name) => h("th", { scope: "col" }, t(name))))),
      h(
        "tbody",
        {},
        shown.cells.map(({ column, value, used }) =>
          h(
            "tr",
            {},
            h("th", { scope: "row", dir: "auto" }, column),
            h("td", { dir: "auto" }, value || h("span", { class: "faint" }, t("empty"))),
            h("td", {}, used === null ? "" : h("span", { class: used ? "tag good" : "tag" }, t(used ? "used" : "unused"))),
          ),
        ),
      ),
    ),
    shown.rows?.length > 0 && rowsTable(shown.rows),
    shown.otherVariables.length > 0 && h("p", { class: "note" }, t("otherVariables", { names: shown.otherVariables.join(t("separator")) })),
  );
}

/** The rows of a group: a line for each, with the cells that differ. */
function rowsTable(rows) {
  const columns = Object.keys(rows[0].cells).filter((column) => new Set(rows.map((row) => row.cells[column])).size > 1);
  return h(
    "table",
    { class: "cells card" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }), columns.map((column) => h("th", { scope: "col", dir: "auto" }, column)))),
    h(
      "tbody",
      {},
      rows.map(({ row, cells }) => h("tr", {}, h("th", { scope: "row" }, rowNumber(row)), columns.map((column) => h("td", { dir: "auto" }, cells[column])))),
    ),
  );
}

export function problemsPanel({ shown, route, page }) {
  const { groups, summary } = page.allProblems();
  return h(
    "div",
    { class: "columns verdict" },
    h("section", { class: "own" }, h("h3", {}, t("thisMessage")), problemList(shown.problems)),
    shown.message && h("section", { class: "sizes" }, h("h3", {}, t("size")), sizeMeter(shown.message)),
    h(
      "div",
      { class: "rest" },
      h("section", {}, h("h3", {}, t("allRecipients"), h("small", {}, summary)), groups.length > 0 && h("ul", { class: "problems" }, groups.map((group) => groupItem(group, route)))),
      shown.message && h("section", {}, h("h3", {}, t("links"), h("small", {}, number(shown.message.links.length))), linkList(shown.message.links)),
    ),
  );
}

function problemList(problems) {
  if (!problems.length) return h("p", { class: "nothing" }, t("noProblems"));
  return h("ul", { class: "problems" }, problems.map((problem) => h("li", { class: `card ${problem.severity}` }, problemBody(problem))));
}

const SEVERITIES = { error: "oneError", warning: "oneWarning", note: "oneNote" };

export function problemBody(problem) {
  const where = [problem.file, problem.line && t("line", { line: problem.line }), problem.row && rowNumber(problem.row), problem.column].filter(Boolean);
  return [
    h("p", { class: "problem-message", dir: "auto" }, h("span", { class: `dot ${problem.severity}` }, h("span", { class: "unseen" }, `${t(SEVERITIES[problem.severity])}: `)), problem.message),
    problem.hint && h("p", { class: "problem-hint", dir: "auto" }, problem.hint),
    where.length > 0 && h("p", { class: "problem-place", dir: "auto" }, where.join(" · ")),
    problem.excerpt?.length > 0 && excerpt(problem.excerpt),
  ];
}

function excerpt(lines) {
  return h("pre", { class: "excerpt", tabindex: "0" }, lines.map(({ number: line, text, here, at }) => [
    h("code", { class: here ? "here" : "" }, h("span", { class: "number" }, line), text, "\n"),
    // The text before the caret stands there unseen, so that tabs and wide characters keep their widths.
    at !== null && h("code", { class: "here caret", "aria-hidden": "true" }, h("span", { class: "number" }), h("span", { class: "before" }, text.slice(0, at)), "^\n"),
  ]));
}

function groupItem(group, route) {
  const more = group.count - group.examples.length;
  return h(
    "li",
    { class: `card ${group.severity}` },
    problemBody({ ...group, row: null }),
    group.count > 1 && h("p", { class: "problem-place" }, t("times", { count: number(group.count) })),
    group.examples.length > 0 &&
      h(
        "p",
        { class: "problem-rows" },
        `${t(group.count === 1 ? "inRow" : "inRows")} `,
        group.examples.map(({ row, key }, at) => [at > 0 && t("separator"), key ? h("a", { href: routeAddress({ ...route, kind: "recipient", key, other: "" }) }, number(row)) : number(row)]),
        more > 0 && ` ${t("andMore", { count: number(more) })}`,
      ),
  );
}

function linkList(links) {
  if (!links.length) return h("p", { class: "nothing" }, t("noLinks"));
  return h(
    "ul",
    { class: "links card" },
    links.map(({ url, text, unsubscribes }) =>
      h(
        "li",
        {},
        h("span", { class: "link-text", dir: "auto" }, text || h("span", { class: "faint" }, t("image")), unsubscribes && h("span", { class: "tag good" }, t("unsubscribe"))),
        // Only http, https and mailto become links; any other address is shown as text.
        /^(https?:|mailto:)/i.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url) : h("code", {}, url),
      ),
    ),
  );
}

function sizeMeter({ size, htmlSize }) {
  const part = Math.min(1, htmlSize / (CLIP * 1.15));
  const verdict = htmlSize > CLIP ? "clipOver" : htmlSize > 90 * 1024 ? "clipNear" : "clipNever";
  const bar = h("span", { class: "meter-bar" });
  bar.style.inlineSize = `${part * 100}%`;
  return h(
    "div",
    { class: `card size ${verdict}` },
    h("p", { class: "size-html" }, t("sizeHtml", { size: byteSize(htmlSize) })),
    h("div", { class: "meter", role: "meter", "aria-label": t("size"), "aria-valuemin": "0", "aria-valuemax": String(CLIP), "aria-valuenow": String(Math.min(htmlSize, CLIP)), "aria-valuetext": byteSize(htmlSize) }, bar, h("span", { class: "meter-clip" })),
    h("p", { class: "note" }, t(verdict)),
    h("p", { class: "size-whole" }, t("sizeWhole", { size: byteSize(size) })),
  );
}

// Shown in place of a message that cannot be made: why, with the lines of the template.
export function brokenPanel(problem, title, hint = "") {
  return h("div", { class: "broken", role: "alert" }, h("div", { class: "card error" }, h("h3", {}, title), problemBody(problem), hint && h("p", { class: "note" }, hint)));
}

export function countLine({ errors, warnings }) {
  const parts = [errors && counted(errors, "oneError", "errors"), warnings && counted(warnings, "oneWarning", "warnings")];
  return parts.filter(Boolean).join(t("separator")) || t("noProblems");
}
