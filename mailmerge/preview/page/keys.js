// Keyboard shortcuts: single keys, ignored while the user types and with a modifier held.

export function listenForKeys(actions) {
  const onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const action = actions[event.key];
    if (!action || isTyping(event.target, event.key)) return;
    event.preventDefault();
    action(event.key);
  };
  document.addEventListener("keydown", onkeydown);
  return onkeydown;
}

function isTyping(target, key) {
  const typing = target.matches?.("input, textarea, select, [contenteditable]");
  return typing && key !== "Escape";
}
