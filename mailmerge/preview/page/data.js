// The source of the page's data: the running preview, or the static pages that it wrote.

// The preview no longer answers; the bar says so.
export class Unreachable extends Error {}

// Run work whose failure does not matter once the preview has stopped.
export async function ifReachable(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
  }
}

export class LiveData {
  live = true;

  campaign() {
    return this.#get("campaign");
  }

  recipients(query) {
    return this.#get("recipients", query);
  }

  message(route, query = {}) {
    return this.#get("message", { ...query, [route.kind]: route.key });
  }

  frameAddress(route, view, generation) {
    const { scheme, images, styles } = view;
    return `frame?${encoded({ [route.kind]: route.key, scheme, images: +images, styles: +styles, generation })}`;
  }

  partAddress(route, part) {
    return `part?${encoded({ [route.kind]: route.key, number: part })}`;
  }

  emlAddress(route) {
    return `eml?${encoded({ [route.kind]: route.key })}`;
  }

  async sendTest(route, address, password) {
    const response = await fetch("api/test", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ [route.kind]: route.key, address, ...(password && { password }) }),
    });
    return checked(response);
  }

  follow(onchange, onstate) {
    const events = new EventSource("events");
    events.addEventListener("open", () => onstate(true));
    events.addEventListener("error", () => onstate(false));
    events.addEventListener("changed", () => onchange("changed"));
    events.addEventListener("progress", () => onchange("progress"));
  }

  async #get(name, query = {}) {
    let response;
    try {
      response = await fetch(`api/${name}?${encoded(query)}`);
    } catch {
      throw new Unreachable();
    }
    return checked(response);
  }
}

const CAME_BACK = ["bounced", "complained", "unsubscribed", "answered", "auto_replied"];

export class StaticData {
  live = false;
  #data;

  constructor(data) {
    this.#data = data;
  }

  async campaign() {
    return this.#data.campaign;
  }

  async recipients({ search = "", among = "all", row }) {
    const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
    const filters = { review: (one) => one.reason, problems: (one) => one.errors + one.warnings };
    const recipients = this.#data.recipients
      .filter(filters[among] ?? ((one) => !CAME_BACK.includes(among) || one.after === among))
      .filter((one) => wanted.every((word) => one.words.includes(word)))
      .map((one) => ({ ...one, reason: among === "review" ? one.reason : null }));
    const found = row && recipients.find((one) => one.row >= +row);
    return { recipients, offset: 0, total: recipients.length, found: found ? found.key : null };
  }

  async message(route) {
    const keys = this.#data.recipients.map((one) => one.key);
    const at = keys.indexOf(route.key);
    if (at < 0) throw new Error("not among the static pages");
    return { ...this.#data.messages[at], before: keys[at - 1] ?? null, after: keys[at + 1] ?? null };
  }

  frameAddress(route, view) {
    const off = (view.images ? "" : "-noimages") + (view.styles ? "" : "-nostyles");
    return `${this.#folder(route)}/${view.scheme}${off}.html`;
  }

  partAddress(route, part) {
    return `${this.#folder(route)}/${this.#data.files[this.#position(route)][part]}`;
  }

  emlAddress(route) {
    return `${this.#folder(route)}/message.eml`;
  }

  follow() {}

  #position(route) {
    return this.#data.recipients.findIndex((one) => one.key === route.key);
  }

  #folder(route) {
    return `messages/${this.#position(route) + 1}`;
  }
}

export function openData() {
  const element = document.getElementById("static-data");
  return element ? new StaticData(JSON.parse(element.textContent)) : new LiveData();
}

function encoded(query) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(known).toString();
}

async function checked(response) {
  if (!response.ok) throw new Error((await response.text()).trim() || response.statusText);
  return response.json();
}
