// HTML source -> highlighted, numbered lines. It makes text nodes only and never parses the source as HTML.

import { h } from "./element.js";

const MOST_LINES = 8000;
const PIECES = /(<!--[\s\S]*?-->)|(<style[^>]*>)([\s\S]*?)(?=<\/style)|(<\/?[a-zA-Z][^>]*>?)|(&[#\w]+;)/g;
const ATTRIBUTES = /([\w:-]+)(=)("[^"]*"|'[^']*'|[^\s>]+)/g;

export function sourceLines(source) {
  const lines = [[]];
  for (const [kind, text] of tokens(source)) {
    text.split("\n").forEach((part, at) => {
      if (at) lines.push([]);
      if (part) lines.at(-1).push(kind ? h("span", { class: kind }, part) : part);
    });
  }
  const shown = lines.slice(0, MOST_LINES).map((line) => h("code", { class: "line" }, line, "\n"));
  return h("pre", { class: "numbered", tabindex: "0" }, shown);
}

function* tokens(source) {
  let at = 0;
  for (const match of source.matchAll(PIECES)) {
    yield ["", source.slice(at, match.index)];
    const [whole, comment, style, css, tag] = match;
    if (comment) yield ["s-comment", comment];
    else if (style) {
      yield* tagPieces(style);
      yield ["s-css", css];
    } else if (tag) yield* tagPieces(tag);
    else yield ["s-entity", whole];
    at = match.index + whole.length;
  }
  yield ["", source.slice(at)];
}

function* tagPieces(tag) {
  const name = tag.match(/^<\/?[\w:-]+/)[0];
  yield ["s-tag", name];
  let at = name.length;
  for (const match of tag.matchAll(ATTRIBUTES)) {
    if (match.index < at) continue;
    yield ["s-tag", tag.slice(at, match.index)];
    yield ["s-name", match[1]];
    yield ["s-tag", match[2]];
    yield ["s-value", match[3]];
    at = match.index + match[0].length;
  }
  yield ["s-tag", tag.slice(at)];
}
