// The other views of a message: text, source, headers, MIME tree, the row, the problems.

import { differenceTable } from "./difference.js";
import { h, icon } from "./element.js";
import { sourceLines } from "./markup.js";
import { placeAddress } from "./place.js";
import { counted, number, octets, t } from "./texts.js";

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
    h("pre", { class: "letter ruled paper", dir: "auto", tabindex: "0" }, text),
    h("p", { class: "note" }, t("column72")),
  );
}

export function sourcePanel({ shown }) {
  const { html } = shown.message;
  if (html === null) return h("p", { class: "nothing" }, t("noHtml"));
  return h("div", { class: "paper" }, sourceLines(html));
}

export function headersPanel({ shown }) {
  const { envelope, headers } = shown.message;
  return h(
    "div",
    { class: "beside" },
    h(
      "section",
      {},
      h("h3", {}, t("headerFields")),
      h(
        "dl",
        { class: "fields paper" },
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

function envelopeSection({ reversePath, forwardPath, eightbit, smtputf8 }) {
  const needs = [eightbit && "8BITMIME", smtputf8 && "SMTPUTF8"].filter(Boolean).join(", ");
  return h(
    "section",
    { class: "envelope" },
    h("h3", {}, t("envelope")),
    h("p", { class: "note" }, t("envelopeHint")),
    h(
      "dl",
      { class: "paper" },
      [
        ["mailFrom", reversePath || t("nullPath")],
        ["rcptTo", forwardPath],
        ["needs", needs || t("nothing")],
      ].map(([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value))),
    ),
  );
}

export function partsPanel({ shown, place, room }) {
  const { parts, raw, rawCut, size } = shown.message;
  return h(
    "div",
    {},
    h(
      "section",
      {},
      h("h3", {}, t("tree"), h("small", {}, octets(size))),
      h("ul", { class: "tree paper" }, parts.map((part) => partItem(part, place, room))),
    ),
    h(
      "section",
      {},
      h("details", { class: "raw" }, h("summary", {}, t("raw")), rawCut && h("p", { class: "note" }, t("rawCut")), h("pre", { class: "paper octets", tabindex: "0" }, raw)),
    ),
  );
}

function partItem(part, place, room) {
  const leaf = !part.contentType.startsWith("multipart/");
  const details = [part.charset, part.encoding, part.disposition, part.contentId, part.location].filter(Boolean);
  return h(
    "li",
    { class: `depth-${Math.min(part.depth, 6)}` },
    icon(leaf ? (part.contentType.startsWith("image/") ? "images" : "file") : "parts"),
    h("span", { class: "part-name" }, h("strong", { dir: "auto" }, part.filename || part.contentType), h("span", { class: "part-details" }, [part.filename && part.contentType, ...details].filter(Boolean).join(" · "))),
    leaf && h("span", { class: "part-size" }, octets(part.size), h("span", {}, t("transferred", { size: octets(part.encoded) }))),
    leaf && h("a", { class: "part-open", href: room.source.partAddress(place, part.number), target: "_blank", rel: "noopener noreferrer", "aria-label": `${t("open")}: ${part.filename || part.contentType}` }, t("open")),
  );
}

export function cellsPanel({ shown }) {
  return h(
    "div",
    { class: "narrow" },
    h(
      "table",
      { class: "cells paper" },
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
    shown.otherVariables.length > 0 && h("p", { class: "note" }, t("otherVariables", { names: shown.otherVariables.join(", ") })),
  );
}

export function problemsPanel({ shown, place, room }) {
  const { groups, summary } = room.everybody();
  return h(
    "div",
    { class: "beside verdict" },
    h("section", { class: "mine" }, h("h3", {}, t("thisMessage")), problemList(shown.problems)),
    shown.message && h("section", { class: "sizes" }, h("h3", {}, t("size")), sizeMeter(shown.message)),
    h(
      "div",
      { class: "rest" },
      h("section", {}, h("h3", {}, t("everybody"), h("small", {}, summary)), groups.length > 0 && h("ul", { class: "problems" }, groups.map((group) => groupItem(group, place)))),
      shown.message && h("section", {}, h("h3", {}, t("links"), h("small", {}, number(shown.message.links.length))), linkList(shown.message.links)),
    ),
  );
}

function problemList(problems) {
  if (!problems.length) return h("p", { class: "nothing" }, t("noProblems"));
  return h("ul", { class: "problems" }, problems.map((problem) => h("li", { class: `paper ${problem.severity}` }, problemBody(problem))));
}

export function problemBody(problem) {
  const where = [problem.file, problem.line && t("line", { line: problem.line }), problem.row && `${t("row")} ${problem.row}`, problem.column].filter(Boolean);
  return [
    h("p", { class: "problem-message", dir: "auto" }, h("span", { class: `mark ${problem.severity}` }, h("span", { class: "unseen" }, `${t(problem.severity === "error" ? "oneError" : "oneWarning")}: `)), problem.message),
    problem.hint && h("p", { class: "problem-hint", dir: "auto" }, problem.hint),
    where.length > 0 && h("p", { class: "problem-place", dir: "auto" }, where.join(" · ")),
    problem.excerpt?.length > 0 && excerpt(problem.excerpt),
  ];
}

function excerpt(lines) {
  return h("pre", { class: "excerpt", tabindex: "0" }, lines.map(({ number: line, text, here }) => h("code", { class: here ? "here" : "" }, h("span", { class: "number" }, line), text, "\n")));
}

function groupItem(group, place) {
  const more = group.count - group.examples.length;
  return h(
    "li",
    { class: `paper ${group.severity}` },
    problemBody({ ...group, row: null }),
    group.count > 1 && h("p", { class: "problem-place" }, t("times", { count: number(group.count) })),
    group.examples.length > 0 &&
      h(
        "p",
        { class: "problem-rows" },
        `${t(group.count === 1 ? "row" : "inRows")} `,
        group.examples.map(({ row, key }, at) => [at > 0 && ", ", key ? h("a", { href: placeAddress({ ...place, kind: "person", key, other: "" }) }, number(row)) : number(row)]),
        more > 0 && ` ${t("andMore", { count: number(more) })}`,
      ),
  );
}

function linkList(links) {
  if (!links.length) return h("p", { class: "nothing" }, t("noLinks"));
  return h(
    "ul",
    { class: "links paper" },
    links.map(({ url, text, unsubscribes }) =>
      h(
        "li",
        {},
        h("span", { class: "link-text", dir: "auto" }, text || h("span", { class: "faint" }, t("picture")), unsubscribes && h("span", { class: "tag good" }, t("unsubscribe"))),
        // Only the web and mail are followed; anything else is shown as the text that it is.
        /^(https?:|mailto:)/i.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url) : h("code", {}, url),
      ),
    ),
  );
}

function sizeMeter({ size, htmlSize }) {
  const part = Math.min(1, htmlSize / (CLIP * 1.15));
  const words = htmlSize > CLIP ? "clipOver" : htmlSize > 90 * 1024 ? "clipNear" : "clipNever";
  const bar = h("span", { class: "meter-bar" });
  bar.style.inlineSize = `${part * 100}%`;
  return h(
    "div",
    { class: `paper size ${words}` },
    h("p", { class: "size-html" }, t("sizeHtml", { size: octets(htmlSize) })),
    h("div", { class: "meter", role: "meter", "aria-label": t("size"), "aria-valuemin": "0", "aria-valuemax": String(CLIP), "aria-valuenow": String(Math.min(htmlSize, CLIP)), "aria-valuetext": octets(htmlSize) }, bar, h("span", { class: "meter-clip" })),
    h("p", { class: "note" }, t(words)),
    h("p", { class: "size-whole" }, t("sizeWhole", { size: octets(size) })),
  );
}

// Where a message should be and none can be made: why, with the lines of the template.
export function brokenPanel(problem, title, hint = "") {
  return h("div", { class: "broken", role: "alert" }, h("div", { class: "paper error" }, h("h3", {}, title), problemBody(problem), hint && h("p", { class: "note" }, hint)));
}

export function countLine({ errors, warnings }) {
  const words = [errors && counted(errors, "oneError", "errors"), warnings && counted(warnings, "oneWarning", "warnings")];
  return words.filter(Boolean).join(", ") || t("noProblems");
}
