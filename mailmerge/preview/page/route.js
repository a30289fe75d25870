// The address bar: who is shown, in which view, compared with whom. A link to it can be kept.

export const TABS = ["message", "text", "source", "headers", "parts", "cells", "problems"];

// #/person/KEY/TAB/with/OTHER or #/caught/ID/TAB
export function readPlace() {
  const [kind, key, tab, , other] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  return {
    kind: kind === "caught" ? "caught" : "person",
    key: key ?? "",
    tab: TABS.includes(tab) ? tab : "message",
    other: other ?? "",
  };
}

export function placeAddress({ kind, key, tab, other }) {
  const compared = other ? `/with/${encodeURIComponent(other)}` : "";
  return `#/${kind}/${encodeURIComponent(key)}/${tab}${compared}`;
}

export function samePerson(one, two) {
  return one.kind === two.kind && one.key === two.key;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
