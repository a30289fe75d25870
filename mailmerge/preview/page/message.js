// The message as a mail program shows it: the line in the inbox, the header, and the viewports with their tools.

import { button, choice, h, icon } from "./element.js";
import { byteSize, counted, t } from "./texts.js";
import { Viewport, WIDTHS } from "./viewport.js";

const SCHEMES = ["light", "dark", "inverted"];
const STORED = "mailmerge-preview-view";

// How messages are shown; the browser stores it until the tab is closed.
export class View {
  scheme = "light";
  images = true;
  styles = true;
  width = window.innerWidth < 1000 ? WIDTHS.phone : WIDTHS.desktop;

  constructor() {
    try {
      Object.assign(this, JSON.parse(sessionStorage.getItem(STORED)) ?? {});
    } catch {
      // Static pages may have no storage; then nothing is stored.
    }
  }

  change(changes) {
    Object.assign(this, changes);
    try {
      sessionStorage.setItem(STORED, JSON.stringify(this));
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

export class MessagePanel {
  #viewports = new Map();

  // `page` gives data, view, generation(), setView(changes), onkeydown, onfit
  constructor(page) {
    this.page = page;
    this.tools = h("div", { class: "tools" });
    this.heads = h("div", { class: "heads" });
    this.viewports = h("div", { class: "viewports" });
    this.element = h("div", { class: "message-panel" }, this.heads, this.tools, this.viewports);
  }

  // One message, or two side by side: [{route, shown}]
  show(sides) {
    this.heads.replaceChildren(...sides.map((side) => head(side, this.page.data)));
    this.heads.classList.toggle("two", sides.length > 1);
    this.viewports.classList.toggle("two", sides.length > 1);
    this.#drawTools(sides[0].shown.message);
    updateChildren(this.viewports, sides.map((side, at) => this.#side(side, at)));
  }

  #side({ route, shown }, at) {
    const { view, data } = this.page;
    if (shown.message.html === null) {
      this.#viewports.delete(at);
      return h("div", { class: "viewport" }, h("div", { class: "sheet text-only" }, h("p", { class: "note" }, t("noHtml")), h("pre", { class: "plain-text", dir: "auto" }, shown.message.text ?? "")));
    }
    const name = shown.name || shown.address;
    const viewport = this.#viewports.get(at) ?? this.#newViewport(at, name);
    if (viewport.width !== view.width) viewport.width = view.width;
    viewport.element.dataset.scheme = view.scheme;
    viewport.show(data.frameAddress(route, view, this.page.generation()), name);
    return viewport.element;
  }

  #newViewport(at, name) {
    const viewport = new Viewport({
      name,
      width: this.page.view.width,
      onwidth: (width) => this.page.setView({ width }),
      onkeydown: this.page.onkeydown,
      onfit: this.page.onfit,
    });
    this.#viewports.set(at, viewport);
    return viewport;
  }

  #drawTools(message) {
    const { view, setView } = this.page;
    const focused = this.tools.contains(document.activeElement) ? document.activeElement.dataset.value : null;
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
      ...(message.remoteImages ? [h("p", { class: "note" }, counted(message.remoteImages, "oneRemote", "remote"))] : []),
    );
    if (focused) this.tools.querySelector(`[data-value="${CSS.escape(focused)}"]`)?.focus();
  }
}

// Like replaceChildren, but it does not move existing children, because a moved iframe loads again.
function updateChildren(parent, children) {
  for (const old of [...parent.children]) if (!children.includes(old)) old.remove();
  children.forEach((child, at) => parent.children[at] === child || parent.insertBefore(child, parent.children[at] ?? null));
}

function toggle(drawing, text, on, onclick, hint = text) {
  return button(text, onclick, { class: "", "aria-pressed": String(on), title: hint, "data-value": drawing }, icon(drawing), h("span", {}, text));
}

// The files that the reader gets with the message. Images of the HTML are no such files.
function attachments({ parts }, route, data) {
  const files = parts.filter((part) => part.disposition === "attachment" || (part.filename && !part.contentId && !part.contentType.startsWith("multipart/")));
  if (!files.length) return null;
  return h(
    "ul",
    { class: "attachments", "aria-label": t("attached") },
    files.map((part) =>
      h(
        "li",
        {},
        h(
          "a",
          { href: data.partAddress(route, part.number), target: "_blank", rel: "noopener noreferrer" },
          icon("file"),
          h("span", { class: "attachment-name", dir: "auto" }, part.filename || part.contentType),
          h("span", { class: "attachment-size" }, byteSize(part.size)),
        ),
      ),
    ),
  );
}

function head({ route, shown: { message } }, data) {
  const from = splitMailbox(message.from);
  const fields = [
    ["from", message.from],
    ["to", message.to],
    ["cc", message.cc],
    ["bcc", message.bcc],
    ["replyTo", message.replyTo],
  ].filter(([, value]) => value);
  return h(
    "section",
    { class: "head" },
    h(
      "div",
      { class: "message-header" },
      h("h3", { class: "subject", dir: "auto" }, message.subject || t("noSubject")),
      h("dl", {}, fields.map(([name, value]) => [h("dt", {}, t(name)), h("dd", { dir: "auto" }, value)])),
      attachments(message, route, data),
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
