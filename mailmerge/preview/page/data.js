// Where messages come from: the running preview, or the pages that it wrote to hand round.

// The preview does not answer any more; the bar says so.
export class Unreachable extends Error {}

// Do something that is of no use where the preview has gone meanwhile.
export async function whileThere(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
  }
}

export class RunningPreview {
  live = true;

  campaign() {
    return this.#ask("campaign");
  }

  people(query) {
    return this.#ask("people", query);
  }

  message(place, query = {}) {
    return this.#ask("message", { ...query, [place.kind]: place.key });
  }

  frameAddress(place, view, generation) {
    const { scheme, images, styles } = view;
    return `frame?${words({ [place.kind]: place.key, scheme, images: +images, styles: +styles, generation })}`;
  }

  partAddress(place, part) {
    return `part?${words({ [place.kind]: place.key, number: part })}`;
  }

  octetsAddress(place) {
    return `eml?${words({ [place.kind]: place.key })}`;
  }

  async sendTest(place, address) {
    const response = await fetch("api/test", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ [place.kind]: place.key, address }),
    });
    return answer(response);
  }

  follow(onchange, onstate) {
    const events = new EventSource("events");
    events.addEventListener("open", () => onstate(true));
    events.addEventListener("error", () => onstate(false));
    events.addEventListener("changed", () => onchange("changed"));
    events.addEventListener("progress", () => onchange("progress"));
  }

  async #ask(name, query = {}) {
    let response;
    try {
      response = await fetch(`api/${name}?${words(query)}`);
    } catch {
      throw new Unreachable();
    }
    return answer(response);
  }
}

export class KeptPages {
  live = false;
  #kept;

  constructor(kept) {
    this.#kept = kept;
  }

  async campaign() {
    return this.#kept.campaign;
  }

  async people({ search = "", among = "all", row }) {
    const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
    const meant = { review: (person) => person.reason, problems: (person) => person.errors + person.warnings };
    const people = this.#kept.people
      .filter(meant[among] ?? (() => true))
      .filter((person) => wanted.every((word) => person.words.includes(word)))
      .map((person) => ({ ...person, reason: among === "review" ? person.reason : null }));
    const found = row && people.find((person) => person.row >= +row);
    return { people, offset: 0, total: people.length, found: found ? found.key : null };
  }

  async message(place) {
    const people = this.#kept.people.map((person) => person.key);
    const at = people.indexOf(place.key);
    if (at < 0) throw new Error("not kept");
    return { ...this.#kept.messages[at], before: people[at - 1] ?? null, after: people[at + 1] ?? null };
  }

  frameAddress(place, view) {
    const off = (view.images ? "" : "-noimages") + (view.styles ? "" : "-nostyles");
    return `${this.#folder(place)}/${view.scheme}${off}.html`;
  }

  partAddress(place, part) {
    return `${this.#folder(place)}/${this.#kept.files[this.#at(place)][part]}`;
  }

  octetsAddress(place) {
    return `${this.#folder(place)}/message.eml`;
  }

  follow() {}

  #at(place) {
    return this.#kept.people.findIndex((person) => person.key === place.key);
  }

  #folder(place) {
    return `messages/${this.#at(place) + 1}`;
  }
}

export function openSource() {
  const kept = document.getElementById("kept");
  return kept ? new KeptPages(JSON.parse(kept.textContent)) : new RunningPreview();
}

function words(query) {
  const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return new URLSearchParams(known).toString();
}

async function answer(response) {
  if (!response.ok) throw new Error((await response.text()).trim() || response.statusText);
  return response.json();
}
