// Runs in Chromium: loads pages into frames side by side, and compares them element by element.
//
// A frame is written with document.write, because a frame with `srcdoc` is never in quirks mode. It is sandboxed,
// so that no script of a template runs. The width of the frame is what media queries see.
//
// A difference is reported at its cause. A value that an element only inherits is not reported again, and a box is
// reported only where nothing before or inside it differs. So a page with a difference always has a line, but the
// two hundred cells after a missing row have none.
"use strict";

const law = {
  frames: {},
  ignored: new Set(["STYLE", "LINK"]), // their effect is compared, not their text
  resolved: new Set(["src", "background", "poster"]),
  states: /:(hover|active|focus-within|focus-visible|focus|checked|target|disabled|enabled|visited)(?![\w-])/gi,
  stateOn: ":not(.law-state)", // as specific as the pseudo-class that it stands in for

  async load(pages) {
    for (const frame of document.querySelectorAll("iframe")) frame.remove();
    law.frames = {};
    await Promise.all(Object.entries(pages).map(([name, html]) => law.loadOne(name, html)));
  },

  async loadOne(name, html) {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-same-origin";
    frame.style.cssText = "border:0;width:600px;height:800px;display:block";
    document.body.append(frame);
    law.frames[name] = frame;
    const page = frame.contentDocument;
    page.open();
    page.write(html);
    page.close();
    const still = new frame.contentWindow.CSSStyleSheet(); // a transition would be seen half-way
    still.replaceSync(
      "*, ::before, ::after { transition: none !important; animation: none !important }" +
        "style:not(#a#b#c#d), link:not(#a#b#c#d) { display: none !important }", // `* { display: block }` shows their text
    );
    page.adoptedStyleSheets = [still];
    for (const moving of page.querySelectorAll("marquee")) moving.scrollAmount = 0;
    const images = () => [...page.images].filter((image) => !image.complete);
    for (let turn = 0; turn < 100 && (page.readyState !== "complete" || images().length); turn++)
      await new Promise((resolve) => setTimeout(resolve, 10));
  },

  // -- one comparison ---------------------------------------------------------------------------------------------

  async compare({ pair, width, dark, properties, inherited, pseudo }) {
    const [written, sent] = pair.map((name) => law.frames[name]);
    for (const frame of [written, sent]) frame.style.width = width + "px";
    await new Promise((resolve) => requestAnimationFrame(() => resolve()));
    for (const frame of [written, sent]) {
      if (frame.contentWindow.innerWidth !== width) throw new Error("the frame is not " + width + " px wide");
      const sees = frame.contentWindow.matchMedia("(prefers-color-scheme: dark)").matches;
      if (sees !== dark) throw new Error("the frame does not see the colour scheme");
    }
    const run = { found: [], elements: 0, properties, inherited: new Set(inherited), pseudo };
    const kinds = [written, sent].map((frame) => law.kind(frame.contentDocument));
    if (kinds[0] !== kinds[1]) law.report(run, "doctype", "html", ...kinds);
    law.visit(run, written.contentDocument.documentElement, sent.contentDocument.documentElement, "html", null, false);
    return { found: run.found, elements: run.elements };
  },

  // Many pairs of loaded pages in one evaluation: a list of differences for each.
  async compareAll({ pairs, ...options }) {
    const all = [];
    for (const pair of pairs) all.push((await law.compare({ ...options, pair })).found);
    return all;
  },

  kind(page) {
    const { name, publicId, systemId } = page.doctype || { name: "none" };
    return [page.compatMode, name, publicId, systemId].filter(Boolean).join(" ");
  },

  // Returns whether anything in this pair of elements differs.
  visit(run, written, sent, path, above, inHead) {
    run.elements++;
    const before = run.found.length;
    inHead = inHead || written.tagName === "HEAD";
    law.compareAttributes(run, written, sent, path);
    const [ownText, sentText] = [law.text(written), law.text(sent)];
    if (ownText !== sentText) law.report(run, "text", path, ownText, sentText);
    const here = inHead ? null : law.compareStyles(run, written, sent, path, above);
    const boxes = inHead ? null : [law.box(written), law.box(sent)];
    let differs = law.visitChildren(run, written, sent, path, here, inHead) || run.found.length > before;
    if (boxes && !differs) differs = law.compareBoxes(run, boxes, path);
    return differs;
  },

  visitChildren(run, written, sent, path, here, inHead) {
    const [ours, theirs] = [law.children(written), law.children(sent)];
    const same = ours.length === theirs.length && ours.every((child, at) => law.tag(child) === law.tag(theirs[at]));
    const pairs = same ? ours.map((child, at) => [child, theirs[at]]) : law.align(ours, theirs);
    const seen = new Map();
    let differs = false;
    for (const [child, other] of pairs) {
      const tag = law.tag(child || other);
      if (child) seen.set(tag, (seen.get(tag) || 0) + 1);
      const childPath = path + ">" + tag + "[" + (seen.get(tag) || 0) + "]";
      if (child && other) {
        // Behind a difference a box is moved: only its styles are compared.
        const count = run.found.length;
        const changed = law.visit(run, child, other, childPath, here, inHead);
        if (changed && differs) run.found = run.found.filter((one, at) => at < count || one.name !== "box");
        differs = differs || changed;
      } else {
        law.report(run, "element", childPath, child ? law.show(child) : "", other ? law.show(other) : "");
        differs = true;
      }
    }
    return differs;
  },

  compareAttributes(run, written, sent, path) {
    for (const { name, value } of written.attributes) {
      if (name === "style") continue;
      const theirs = sent.getAttribute(name);
      if (theirs === value) continue;
      if (law.resolved.has(name) && theirs !== null && law.url(value) === law.url(theirs)) continue;
      law.report(run, "attribute " + name, path, value, theirs === null ? "(none)" : theirs);
    }
  },

  url(reference) {
    try {
      return decodeURI(new URL(reference.trim(), document.baseURI).href);
    } catch {
      return reference;
    }
  },

  compareStyles(run, written, sent, path, above) {
    const here = new Map();
    law.compareComputed(run, here, getComputedStyleOf(written), getComputedStyleOf(sent), "", path, above);
    if (run.pseudo)
      for (const which of ["::before", "::after"]) {
        const [ours, theirs] = [getComputedStyleOf(written, which), getComputedStyleOf(sent, which)];
        const shown = (style) => style.content !== "none" && style.content !== "normal";
        if (!shown(ours) && !shown(theirs)) continue;
        if (ours.content !== theirs.content) law.report(run, "content" + which, path, ours.content, theirs.content);
        law.compareComputed(run, new Map(), ours, theirs, which, path, here);
      }
    return here;
  },

  compareComputed(run, here, ours, theirs, which, path, above) {
    for (const property of run.properties) {
      const [one, other] = [ours.getPropertyValue(property), theirs.getPropertyValue(property)];
      if (one === other) continue;
      const [a, b] = [one, other].map((value) => law.meaning(property, value));
      if (a === b) continue;
      here.set(property, one + "\n" + other);
      const inherits = run.inherited.has(property) && above && above.get(property) === here.get(property);
      const isText = property !== "color" && property.endsWith("color") && here.get("color") === here.get(property);
      if (!inherits && !isText) law.report(run, property + which, path, one, other);
    }
  },

  // A file has one address in many spellings, and the browser does not compute a custom property.
  meaning(property, value) {
    if (property.endsWith("-image")) return decode(value);
    return property.startsWith("--") ? value.replace(/\b0(?:pt|px|em|%)/g, "0") : value;
  },

  // -- boxes ------------------------------------------------------------------------------------------------------

  box(element) {
    const own = element.getBoundingClientRect();
    const parent = element.parentElement ? element.parentElement.getBoundingClientRect() : { x: 0, y: 0 };
    return [own.x - parent.x, own.y - parent.y, own.width, own.height];
  },

  compareBoxes(run, [ours, theirs], path) {
    if (ours.every((value, at) => Math.abs(value - theirs[at]) <= 0.5)) return false;
    const shown = (box) => box.map((value) => Math.round(value * 10) / 10).join(" ");
    law.report(run, "box", path, shown(ours), shown(theirs));
    return true;
  },

  // -- nodes ------------------------------------------------------------------------------------------------------

  tag: (element) => element.tagName.toLowerCase(),
  children: (element) => [...element.children].filter((child) => !law.isIgnored(child)),

  // The text between the children, with a mark for each child; runs of ASCII white space count as one space.
  text(element) {
    if (["STYLE", "SCRIPT"].includes(element.tagName)) return "";
    let text = "";
    for (const node of element.childNodes)
      if (node.nodeType === 3) text += node.data;
      else if (node.nodeType === 1 && !law.isIgnored(node)) text += "\u00a6";
    return text.replace(/[ \t\n\r\f]+/g, " ").replace(/^ | $/g, "");
  },

  isIgnored: (element) =>
    law.ignored.has(element.tagName) || (element.tagName === "style" && element.namespaceURI.endsWith("svg")),

  show(element) {
    const text = element.textContent.replace(/\s+/g, " ").trim();
    return "<" + law.tag(element) + "> " + (text.length > 40 ? text.slice(0, 40) + "\u2026" : text);
  },

  // Pairs of children in their order, by a longest common subsequence of tags; a lonely one has no partner.
  align(ours, theirs) {
    const rows = ours.length + 1;
    const columns = theirs.length + 1;
    if (rows * columns > 4e6) return [...ours.map((child) => [child, null]), ...theirs.map((child) => [null, child])];
    const best = new Uint32Array(rows * columns);
    for (let i = rows - 2; i >= 0; i--)
      for (let j = columns - 2; j >= 0; j--)
        best[i * columns + j] =
          law.tag(ours[i]) === law.tag(theirs[j])
            ? best[(i + 1) * columns + j + 1] + 1
            : Math.max(best[(i + 1) * columns + j], best[i * columns + j + 1]);
    const pairs = [];
    let [i, j] = [0, 0];
    while (i < ours.length || j < theirs.length) {
      if (i < ours.length && j < theirs.length && law.tag(ours[i]) === law.tag(theirs[j]))
        pairs.push([ours[i++], theirs[j++]]);
      else if (j >= theirs.length || (i < ours.length && best[(i + 1) * columns + j] >= best[i * columns + j + 1]))
        pairs.push([ours[i++], null]);
      else pairs.push([null, theirs[j++]]);
    }
    return pairs;
  },

  report(run, name, path, written, sent) {
    run.found.push({ name, path, written: String(written), sent: String(sent) });
  },

  // -- states and clients -----------------------------------------------------------------------------------------

  rules(page, act) {
    const walk = (owner) => {
      for (let at = owner.cssRules.length - 1; at >= 0; at--) {
        const rule = owner.cssRules[at];
        if (act(rule, () => owner.deleteRule(at))) continue;
        if (rule.cssRules && rule.cssRules.length) walk(rule);
      }
    };
    for (const sheet of page.styleSheets) {
      let readable = true;
      try {
        sheet.cssRules;
      } catch {
        readable = false; // a sheet from elsewhere; none is loaded
      }
      if (readable) walk(sheet);
    }
  },

  // Each state is on: every `:hover` becomes a condition that holds for all elements, with the same specificity.
  turnStatesOn(names) {
    for (const name of names)
      law.rules(law.frames[name].contentDocument, (rule) => {
        if (rule.selectorText && law.states.test(rule.selectorText))
          rule.selectorText = rule.selectorText.replace(law.states, law.stateOn);
        law.states.lastIndex = 0;
      });
  },

  // What mail clients put around or into a page, by the selectors that authors use to recognise them.
  turnClientOn(names, client) {
    for (const name of names) {
      const page = law.frames[name].contentDocument;
      const root = page.documentElement;
      if (client === "outlook.com") {
        root.setAttribute("data-ogsc", "");
        root.setAttribute("data-ogsb", "");
        root.classList.add("ExternalClass");
      } else if (client === "gmail") root.insertBefore(page.createElement("u"), page.body);
      else if (client === "apple") for (const link of page.links) link.setAttribute("x-apple-data-detectors", "true");
      else root.id = client;
    }
  },

  turnClientOff(names, client) {
    for (const name of names) {
      const page = law.frames[name].contentDocument;
      const root = page.documentElement;
      if (client === "outlook.com") {
        root.removeAttribute("data-ogsc");
        root.removeAttribute("data-ogsb");
        root.classList.remove("ExternalClass");
        if (!root.className) root.removeAttribute("class");
      } else if (client === "gmail") root.querySelector(":scope > u").remove();
      else if (client === "apple") for (const link of page.links) link.removeAttribute("x-apple-data-detectors");
      else root.removeAttribute("id");
    }
  },

  // Only the rules that a style attribute can express: none that depends on a medium, a state or a pseudo-element.
  keepStaticRules(name) {
    for (const element of law.frames[name].contentDocument.querySelectorAll("style[media]"))
      if (!["", "all", "screen"].includes(element.media.trim().toLowerCase())) element.remove();
    law.rules(law.frames[name].contentDocument, (rule, remove) => {
      if (rule.selectorText !== undefined) {
        const kept = law.selectors(rule.selectorText).filter((selector) => !law.isDynamic(selector));
        if (kept.length) rule.selectorText = kept.join(", ");
        else remove();
        return !kept.length;
      }
      remove();
      return true;
    });
  },

  isDynamic(selector) {
    const dynamic = selector.includes("law-state") || selector.includes("::") || law.states.test(selector);
    law.states.lastIndex = 0;
    return dynamic || /:(before|after|first-line|first-letter)(?![\w-])/i.test(selector);
  },

  selectors(list) {
    const parts = [""];
    let depth = 0;
    let quote = "";
    for (const character of list) {
      if (quote) quote = character === quote ? "" : quote;
      else if (character === '"' || character === "'") quote = character;
      else if ("([".includes(character)) depth++;
      else if (")]".includes(character)) depth--;
      if (character === "," && !depth && !quote) parts.push("");
      else parts[parts.length - 1] += character;
    }
    return parts.map((part) => part.trim());
  },

  dropStyleElements(name) {
    for (const element of law.frames[name].contentDocument.querySelectorAll("style, link")) element.remove();
  },
};

function getComputedStyleOf(element, pseudo) {
  return element.ownerDocument.defaultView.getComputedStyle(element, pseudo);
}

function decode(value) {
  try {
    return decodeURI(value);
  } catch {
    return value;
  }
}

window.law = law;
