// The message as a mail program shows it: the line in the inbox, the letterhead, the stage with its tools.

import { button, choice, h, icon } from "./element.js";
import { Stage, WIDTHS } from "./stage.js";
import { counted, t } from "./texts.js";

const SCHEMES = ["light", "dark", "inverted"];
const REMEMBERED = "mailmerge-preview-view";

// How messages are shown; kept in the browser from one visit to the next.
export class View {
  scheme = "light";
  images = true;
  styles = true;
  width = window.innerWidth < 1000 ? WIDTHS.phone : WIDTHS.desktop;

  constructor() {
    try {
      Object.assign(this, JSON.parse(sessionStorage.getItem(REMEMBERED)) ?? {});
    } catch {
      // Kept pages may have no storage: then nothing is remembered.
    }
  }

  change(changes) {
    Object.assign(this, changes);
    try {
      sessionStorage.setItem(REMEMBERED, JSON.stringify(this));
    } catch {
      // As above.
    }
  }

  nextScheme() {
    return SCHEMES[(SCHEMES.indexOf(this.scheme) + 1) % SCHEMES.length];
  }

  nextWidth() {
    const widths = Object.values(WIDTHS);
    return widths[(widths.indexOf(this.width) + 1) % widths.length];
  }
}

export class InboxPanel {
  #stages = new Map();

  // `room` gives source, view, generation(), setView(changes), onkeydown, onfit
  constructor(room) {
    this.room = room;
    this.tools = h("div", { class: "tools" });
    this.heads = h("div", { class: "heads" });
    this.stages = h("div", { class: "stages" });
    this.element = h("div", { class: "inbox-panel" }, this.heads, this.tools, this.stages);
  }

  // One message, or two side by side: [{place, shown}]
  show(sides) {
    this.heads.replaceChildren(...sides.map(({ shown }) => head(shown)));
    this.heads.classList.toggle("two", sides.length > 1);
    this.stages.classList.toggle("two", sides.length > 1);
    this.#drawTools(sides[0].shown.message);
    keepChildren(this.stages, sides.map((side, at) => this.#side(side, at)));
  }

  #side({ place, shown }, at) {
    const { view, source } = this.room;
    if (shown.message.html === null) {
      this.#stages.delete(at);
      return h("div", { class: "stage" }, h("div", { class: "sheet text-only" }, h("p", { class: "note" }, t("noHtml")), h("pre", { class: "letter", dir: "auto" }, shown.message.text ?? "")));
    }
    const name = shown.name || shown.address;
    const stage = this.#stages.get(at) ?? this.#newStage(at, name);
    if (stage.width !== view.width) stage.width = view.width;
    stage.element.dataset.scheme = view.scheme;
    stage.show(source.frameAddress(place, view, this.room.generation()), name);
    return stage.element;
  }

  #newStage(at, name) {
    const stage = new Stage({
      name,
      width: this.room.view.width,
      onwidth: (width) => this.room.setView({ width }),
      onkeydown: this.room.onkeydown,
      onfit: this.room.onfit,
    });
    this.#stages.set(at, stage);
    return stage;
  }

  #drawTools(message) {
    const { view, setView } = this.room;
    const held = this.tools.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    const widths = Object.entries(WIDTHS).map(([name, value]) => ({ value, text: t(name), drawing: name, hint: `${t(name)}, ${value} px` }));
    const schemes = SCHEMES.map((value) => ({ value, text: t(value), drawing: value }));
    this.tools.hidden = message.html === null;
    this.tools.replaceChildren(
      choice(t("width"), widths, view.width, (width) => setView({ width })),
      choice(t("colours"), schemes, view.scheme, (scheme) => setView({ scheme })),
      h(
        "div",
        { class: "choice" },
        toggle("images", t("imagesOn"), view.images, () => setView({ images: !view.images })),
        toggle("styles", t("stylesOn"), view.styles, () => setView({ styles: !view.styles }), t("stylesHint")),
      ),
      ...(message.remotePictures ? [h("p", { class: "note" }, counted(message.remotePictures, "oneRemote", "remote"))] : []),
    );
    if (held) this.tools.querySelector(`[data-value="${CSS.escape(held)}"]`)?.focus();
  }
}

// Like replaceChildren, but what is there already is not moved: a frame that is moved loads again.
function keepChildren(parent, children) {
  for (const old of [...parent.children]) if (!children.includes(old)) old.remove();
  children.forEach((child, at) => parent.children[at] === child || parent.insertBefore(child, parent.children[at] ?? null));
}

function toggle(drawing, text, on, onclick, hint = text) {
  return button(text, onclick, { class: "", "aria-pressed": String(on), title: hint, "data-value": drawing }, icon(drawing), h("span", {}, text));
}

function head({ message }) {
  const from = splitMailbox(message.from);
  const fields = [
    ["from", message.from],
    ["to", message.to],
    ["replyTo", message.replyTo],
  ].filter(([, value]) => value);
  return h(
    "section",
    { class: "head" },
    h(
      "div",
      { class: "letterhead" },
      h("h3", { class: "subject", dir: "auto" }, message.subject || t("noSubject")),
      h("dl", {}, fields.map(([name, value]) => [h("dt", {}, t(name)), h("dd", { dir: "auto" }, value)])),
    ),
    h(
      "figure",
      { class: "inbox" },
      h("figcaption", {}, t("inbox")),
      h(
        "div",
        { class: "inbox-line" },
        h("span", { class: "inbox-from", dir: "auto" }, from.name || from.address),
        h("span", { class: "inbox-time" }, t("now")),
        h("span", { class: "inbox-subject", dir: "auto" }, message.subject || t("noSubject")),
        h("span", { class: "inbox-preheader", dir: "auto" }, message.preheader || "\u00a0"),
      ),
    ),
  );
}

function splitMailbox(text) {
  const match = text.match(/^\s*"?(.*?)"?\s*<([^<>]*)>\s*$/);
  return match ? { name: match[1], address: match[2] } : { name: "", address: text };
}
