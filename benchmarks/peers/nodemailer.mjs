// nodemailer with one pooled connection, handlebars per message, and juice per message with --inline.
// The handlebars template is the newsletter with its branches taken: easier work than ours.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [campaign, port, people, ...flags] = process.argv.slice(2);
const require = createRequire(join(process.env.PEERS_NODE_MODULES, "x.js"));
const nodemailer = require("nodemailer");
const handlebars = require("handlebars");
const juice = require("juice");
const inline = flags.includes("--inline");

const started = performance.now();
const rows = readFileSync(join(campaign, "recipients.csv"), "utf8").trim().split("\n");
const columns = rows.shift().trim().split(",");
const html = handlebars.compile(readFileSync(join(campaign, "body.hbs.html"), "utf8"));
const text = handlebars.compile(readFileSync(join(campaign, "body.hbs.txt"), "utf8"), { noEscape: true });
const images = [
  { filename: "logo.png", content: readFileSync(join(campaign, "images/logo.png")), cid: "logo" },
  { filename: "photo.jpg", content: readFileSync(join(campaign, "images/photo.jpg")), cid: "photo" },
];

const transport = nodemailer.createTransport({
  host: "127.0.0.1", port: Number(port), secure: false, ignoreTLS: true,
  pool: true, maxConnections: 1, maxMessages: Infinity,
});

async function send(line) {
  const cells = Object.fromEntries(line.trim().split(",").map((cell, at) => [columns[at], cell]));
  let body = html(cells);
  if (inline) body = juice(body);
  await transport.sendMail({
    from: "Slowline <letter@example.org>", to: { name: cells.name, address: cells.email },
    subject: `${cells.name}, the night train is back`, html: body, text: text(cells), attachments: images,
  });
}

// A few messages are kept ready for the one connection, as its documentation advises.
let next = 0, sent = 0;
const wanted = rows.slice(0, Number(people));
await Promise.all(Array.from({ length: 5 }, async () => {
  while (next < wanted.length) { await send(wanted[next++]); sent += 1; }
}));
transport.close();
console.log(JSON.stringify({ messages: sent, seconds: (performance.now() - started) / 1000 }));
