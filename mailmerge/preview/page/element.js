// Creates elements. Text becomes text nodes only, so the text of a cell can never become markup.

import { t } from "./texts.js";

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

export function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

export function button(label, onclick, properties = {}, ...children) {
  return h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick, ...properties }, ...children);
}

// A group of buttons, one of them pressed.
export function choice(label, options, chosen, choose) {
  const buttons = options.map(({ value, text, drawing, hint }) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === chosen),
        title: hint ?? text,
        "data-value": value,
        onclick: () => choose(value),
      },
      drawing && icon(drawing),
      h("span", {}, text),
    ),
  );
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

// The state of a delivery, with its colour.
export function stateTag(state) {
  return h("span", { class: `tag ${state}` }, t(`state-${state}`));
}
