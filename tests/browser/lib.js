// What scripts in a browser share: a page that is open and ready, and what it complains of. Needs playwright-core (NODE_PATH) and
// Chromium ($CHROMIUM, default /usr/bin/chromium); screenshots go to $SHOTS.
"use strict";
const assert = require("assert");
const path = require("path");
const { chromium } = require("playwright-core");

async function open(name) {
  const file = "file://" + path.resolve(name), complaints = [];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.on("console", (m) => { if ((m.type() === "error" || m.type() === "warning") && !m.text().includes("willReadFrequently")) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("request", (r) => { if (r.url() !== file) complaints.push("loads " + r.url()); });
  await page.goto(file);
  await page.waitForSelector("html[data-ready='1']", { timeout: 60000 });
  const shot = async (to) => { if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, to + ".png"), fullPage: true }); };
  const end = async () => { assert.deepStrictEqual(complaints, [], "no complaints on the console, nothing loaded"); await browser.close(); };
  return { page, shot, end };
}
const test = (claim) => claim().catch((e) => { console.error(e.message || e); process.exit(1); });
module.exports = { assert, open, test };
