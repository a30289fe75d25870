// The address bar: which message is shown, in which view, compared with which other. It can be bookmarked.

export const TABS = ["message", "text", "source", "headers", "parts", "cells", "problems"];

// #/recipient/KEY/TAB/with/OTHER or #/sandbox/NAME/TAB
export function readRoute() {
  const [kind, key, tab, , other] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  return {
    kind: kind === "sandbox" ? "sandbox" : "recipient",
    key: key ?? "",
    tab: TABS.includes(tab) ? tab : "message",
    other: other ?? "",
  };
}

export function routeAddress({ kind, key, tab, other }) {
  const compared = other ? `/with/${encodeURIComponent(other)}` : "";
  return `#/${kind}/${encodeURIComponent(key)}/${tab}${compared}`;
}

export function sameMessage(one, two) {
  return one.kind === two.kind && one.key === two.key;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
