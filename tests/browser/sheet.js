// browser.campaign: a sheet (campaign, museum) in a real headless Chromium. Usage: sheet.js PAGE [FOLDER-FOR-SCREENSHOTS]
// Needs playwright-core (NODE_PATH) and Chromium ($CHROMIUM, default /usr/bin/chromium).
"use strict";
const assert = require("assert");
const path = require("path");
const { chromium } = require("playwright-core");

(async () => {
  const file = "file://" + path.resolve(process.argv[2]), shots = process.argv[3];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
  const complaints = [];
  page.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("request", (r) => { if (!r.url().startsWith("file://")) complaints.push("loads " + r.url()); });
  page.on("dialog", (d) => { complaints.push("dialog " + d.message()); d.dismiss(); });
  await page.goto(file);
  await page.waitForSelector("html[data-ready='1']", { timeout: 20000 });
  const shot = async (name) => { if (shots) await page.screenshot({ path: path.join(shots, name + ".png"), fullPage: true }); };
  await shot("page");

  // It renders: a verdict or title, rows, curves with more than one point, nothing that a name brought in.
  assert.ok((await page.textContent("h1")).length > 5, "a heading");
  const rows = await page.locator("[data-row]").count();
  assert.ok(rows > 1, rows + " rows");
  const curves = await page.locator("svg path.curve").evaluateAll((all) => all.filter((c) => c.getTotalLength() > 20).length);
  assert.ok(curves >= 1, "a curve");
  assert.strictEqual(await page.locator("img, iframe, script:not(body > script)").count(), 0, "nothing foreign");

  // It filters by words, by failures, and comes back; all by keyboard.
  const shown = async () => page.locator("[data-row]:not([hidden])").count();
  await page.keyboard.press("/");
  await page.keyboard.type("no such words");
  assert.strictEqual(await shown(), 0);
  assert.match(await page.textContent("#count"), new RegExp("^0 of " + rows));
  await page.keyboard.press("Escape");
  assert.strictEqual(await shown(), rows);
  const word = (await page.locator("[data-row] th").last().textContent()).trim();
  await page.keyboard.type(word);
  const some = await shown();
  assert.ok(some >= 1 && some < rows, `"${word}" shows ${some} of ${rows}`);
  await page.keyboard.press("Escape");
  if (await page.locator("#only-failed").count() > 0) {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    assert.strictEqual(await shown(), await page.locator('[data-row="failed"]').count());
    assert.ok(await shown() > 0 && await shown() < rows, "only what failed");
    await page.keyboard.press("Space");
    // A cell of the heat map leads to its failure.
    await page.locator("#map a").first().click();
    const target = new URL(page.url()).hash.slice(1);
    assert.ok(await page.locator(`[id="${target}"]`).isVisible(), "the failure behind a cell");
  }
  for (const head of await page.locator("table.sort thead button").all()) await head.click();

  // The other scheme, and paper: no tools, all rows.
  await page.emulateMedia({ colorScheme: "dark" });
  assert.strictEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(20, 22, 26)");
  await shot("dark");
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  assert.ok(!await page.locator("#filter").isVisible(), "no tools on paper");
  assert.ok(await page.locator("svg").first().isVisible(), "curves on paper");
  await page.setViewportSize({ width: 400, height: 800 });
  await page.emulateMedia({ media: "screen" });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 420), "fits a narrow screen");

  // A link to what is beside it opens.
  const beside = page.locator('a[href^="shrunk/"][href$=".html"]').first();
  if (await beside.count() > 0) {
    await beside.click();
    await page.waitForSelector("html[data-ready='1'] #diagram", { timeout: 20000 });
  }
  assert.deepStrictEqual(complaints, [], "no complaints on the console, nothing loaded");
  await browser.close();
})().catch((e) => { console.error(e.message || e); process.exit(1); });
