// Compares two texts: by line, and by word within the lines that differ.

import { h } from "./element.js";
import { t } from "./texts.js";

const MOST_ITEMS = 1500;

// The steps from `before` to `after`: ["same" | "removed" | "added", item], by the longest common subsequence.
export function steps(before, after) {
  if (before.length > MOST_ITEMS || after.length > MOST_ITEMS) {
    return [...before.map((item) => ["removed", item]), ...after.map((item) => ["added", item])];
  }
  const table = lengths(before, after);
  const found = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      found.push(["same", before[i]]);
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && table[i + 1][j] >= table[i][j + 1])) {
      found.push(["removed", before[i]]);
      i += 1;
    } else {
      found.push(["added", after[j]]);
      j += 1;
    }
  }
  return found;
}

function lengths(before, after) {
  const table = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      table[i][j] = before[i] === after[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  return table;
}

// Lines side by side, with changed lines opposite each other.
export function rows(before, after) {
  const found = [];
  let [removed, added] = [[], []];
  const flush = () => {
    for (let at = 0; at < Math.max(removed.length, added.length); at += 1) {
      found.push({ left: removed[at], right: added[at], changed: true });
    }
    [removed, added] = [[], []];
  };
  for (const [kind, line] of steps(before.split("\n"), after.split("\n"))) {
    if (kind === "removed") removed.push(line);
    else if (kind === "added") added.push(line);
    else {
      flush();
      found.push({ left: line, right: line, changed: false });
    }
  }
  flush();
  return found;
}

export function differenceTable(before, after, names) {
  const found = rows(before.trimEnd(), after.trimEnd());
  return h(
    "div",
    { class: "difference" },
    !found.some((row) => row.changed) && h("p", { class: "note" }, t("sameText")),
    h(
      "table",
      { class: "difference-table" },
      h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col", dir: "auto" }, name)))),
      h("tbody", {}, found.map(drawRow)),
    ),
  );
}

function drawRow({ left, right, changed }) {
  if (!changed) return h("tr", {}, h("td", { dir: "auto" }, left || "\u00a0"), h("td", { dir: "auto" }, right || "\u00a0"));
  const words = steps(wordsOf(left ?? ""), wordsOf(right ?? ""));
  const side = (gone, tag) => words.filter(([kind]) => kind !== gone).map(([kind, word]) => (kind === "same" || !word.trim() ? word : h(tag, {}, word)));
  return h(
    "tr",
    { class: "changed" },
    h("td", { class: left === undefined ? "void" : "", dir: "auto" }, left === undefined ? "" : side("added", "del")),
    h("td", { class: right === undefined ? "void" : "", dir: "auto" }, right === undefined ? "" : side("removed", "ins")),
  );
}

function wordsOf(line) {
  return line.split(/(\s+|[,.;:!?，。；：！？])/).filter(Boolean);
}
