// The dialogs: send a test message, and help.

import { h } from "./element.js";
import { t } from "./texts.js";

export function openHelp() {
  const keys = [
    ["j", "keyNext"], ["k", "keyPrevious"], ["/", "keySearch"], ["1 – 7", "keyTabs"], ["d", "keyDark"],
    ["m", "keyWidth"], ["i", "keyImages"], ["s", "keyStyles"], ["c", "keyCompare"], ["?", "keyHelp"],
  ];
  const dialog = open(
    "help-title",
    h("h2", { id: "help-title" }, t("keysTitle")),
    h("dl", { class: "keys" }, keys.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(text))])),
    h("p", { class: "note" }, t("helpHint")),
    h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, t("close"))),
  );
}

// The typed password, until the page is closed; it is stored nowhere.
let typed = "";

export function openTest({ data, route, shown, server }) {
  const field = h("input", { type: "email", id: "test-address", required: true, autocomplete: "email" });
  const password = h("input", { type: "password", id: "test-password", autocomplete: "off", placeholder: t("passwordHint") });
  password.value = typed;
  const result = h("p", { class: "result", role: "status" });
  const send = h("button", { type: "submit", class: "strong" }, t("send"));
  const submit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    result.className = "result";
    result.textContent = t("sending");
    try {
      const { reply } = await data.sendTest(route, field.value, password.value);
      typed = password.value;
      result.classList.add("good");
      result.textContent = t("sent", { reply });
    } catch (error) {
      result.classList.add("bad");
      result.textContent = error.message;
    }
    send.disabled = false;
  };
  const dialog = open(
    "test-title",
    h("h2", { id: "test-title" }, t("test")),
    h("p", { class: "note" }, t(server ? "testHint" : "testHintNoServer", { server, address: shown.address })),
    h(
      "form",
      { onsubmit: submit },
      h("label", { for: "test-address" }, t("address")),
      field,
      server && [h("label", { for: "test-password" }, t("password")), password],
      result,
      h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, t("close")), send),
    ),
  );
  field.select();
}

function open(labelledby, ...children) {
  const dialog = h("dialog", { "aria-labelledby": labelledby }, children);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
