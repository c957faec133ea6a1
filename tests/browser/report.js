// browser.report: the page in a real headless Chromium. Usage: report.js PAGE [FOLDER-FOR-SCREENSHOTS]
// Needs playwright-core (NODE_PATH) and Chromium ($CHROMIUM, default /usr/bin/chromium).
"use strict";
const assert = require("assert");
const path = require("path");
const { chromium } = require("playwright-core");

async function ink(page, id) {
  return page.evaluate((name) => {
    const c = document.getElementById(name), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, seen = new Set();
    for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
    return { colours: seen.size, sum: d.reduce((a, b, i) => (a + b * (i % 65521)) % 4294967291, 0) };
  }, id);
}

(async () => {
  const file = "file://" + path.resolve(process.argv[2]), shots = process.argv[3];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  const complaints = [];
  page.on("console", (m) => { if ((m.type() === "error" || m.type() === "warning") && !m.text().includes("willReadFrequently")) complaints.push(m.text()); });
  page.on("pageerror", (e) => complaints.push(String(e)));
  page.on("request", (r) => { if (r.url() !== file) complaints.push("loads " + r.url()); });
  page.on("dialog", (d) => { complaints.push("dialog " + d.message()); d.dismiss(); });
  const started = Date.now();
  await page.goto(file);
  await page.waitForSelector("html[data-ready='1']", { timeout: 60000 });
  console.log("ready after " + (Date.now() - started) + " ms");
  const shot = async (name, full) => { if (shots) await page.screenshot({ path: path.join(shots, name + ".png"), fullPage: full }); };
  await shot("page", true);

  // It renders.
  assert.ok((await page.textContent("#verdict")).length > 0, "a verdict");
  assert.match(await page.textContent("#reproduce"), /nika(-museum)? (run|replay) /);
  const before = await ink(page, "diagram");
  assert.ok(before.colours > 8, "the diagram is drawn: " + before.colours + " colours");
  assert.ok((await ink(page, "overview")).colours > 2, "the overview is drawn");

  // A violation is told step by step, values that differ apart, and a step leads to its event.
  const steps = page.locator("details[data-cause] tbody tr");
  if (await page.locator("#violations-box").isVisible()) {
    const told = await page.locator("details[data-cause]").first().textContent();
    assert.match(told, /\(Byzantine\)sends PRE-PREPARE to /);
    for (const rule of await page.locator("#rejects tr").all()) if (await rule.locator("td").count() > 1) assert.match(await rule.locator("td").nth(1).textContent(), /\w \w/, "a rule says what it asks");
    assert.match(told, /takes PRE-PREPARE from r\d \(Byzantine\)/);
    assert.ok(new Set(told.match(/digest [0-9a-f]{8}/g)).size > 1, "two values: " + told);
    assert.strictEqual(await page.getAttribute("#even", "aria-pressed"), "true");
    await steps.first().locator("button").click();
    assert.ok(await page.locator("#detail h3").count() > 0, "a step selects its event");
    await page.getByText("Clear", { exact: true }).click();
    await page.locator("#to-violation").click();
  } else {
    assert.strictEqual(await steps.count(), 0);
    assert.strictEqual(await page.getAttribute("#even", "aria-pressed"), "false");
  }
  // Even spacing draws another picture of the same events, and goes back.
  await page.waitForTimeout(100);
  const spaced = (await ink(page, "diagram")).sum;
  await page.focus("#diagram");
  await page.keyboard.press("e");
  await page.waitForTimeout(100);
  assert.notStrictEqual((await ink(page, "diagram")).sum, spaced, "another spacing");
  await page.keyboard.press("e");
  await page.waitForTimeout(100);

  // It filters: without one type the count falls and the picture changes; and it comes back.
  const messages = async () => Number(/events, ([\d,]+) messages/.exec(await page.textContent("#count"))[1].replace(/,/g, ""));
  const all = await messages(), chip = page.locator("#types button[aria-pressed=true]").first(), type = await chip.getAttribute("data-type");
  assert.ok(all > 0, "messages are shown");
  await page.locator(`#types button[data-type="${type}"]`).click();
  const fewer = await messages();
  assert.ok(fewer < all, `without ${type}: ${fewer} of ${all}`);
  assert.notStrictEqual((await ink(page, "diagram")).sum, spaced, "the picture changes");
  await page.locator(`#types button[data-type="${type}"]`).click();
  assert.strictEqual(await messages(), all);
  await page.fill("#f-seq", "987654321");
  assert.strictEqual(await messages(), 0, "no message has that sequence number");
  await page.fill("#f-seq", "");
  await page.locator('#lanes button[data-lane="r1"]').click();
  assert.ok(await messages() < all, "without r1");
  await page.locator('#lanes button[data-lane="r1"]').click();

  // By keyboard to an event and its fields.
  await page.focus("#diagram");
  for (let i = 0; i < 60 && await page.locator('#detail [data-field="seq"], #detail [data-field="timestamp"]').count() === 0; i++) await page.keyboard.press("n");
  const field = await page.locator('#detail [data-field="seq"] td:last-child, #detail [data-field="timestamp"] td:last-child').first().textContent();
  assert.match(field, /^\d+$/, "a number in a field");
  assert.match(await page.textContent("#detail"), /What led to it/);
  await page.keyboard.press("+"); await page.keyboard.press("+");
  await page.waitForTimeout(100);
  await shot("selected");

  // The critical path of a request: from its operation to its result, each step with its share.
  if (await page.locator("#paths button").count() > 0) {
    await page.locator("#paths button").first().click();
    const steps = await page.locator("#detail [data-path] li").allTextContents();
    assert.ok(steps.length >= 4, "a path of " + steps.length + " steps");
    assert.match(steps[0], /invokes operation/);
    assert.match(steps[steps.length - 1], /^\+.*%\).*completes operation/);
    await page.waitForTimeout(100);
    await shot("path");
  }

  // By mouse: some point of a grid lies on an arrow or a mark.
  await page.getByText("Clear", { exact: true }).click();
  await page.locator("#fit").click();
  await page.locator("#diagram").scrollIntoViewIfNeeded();
  const box = await page.locator("#diagram").boundingBox();
  let hit = false;
  for (let y = 60; y < box.height - 20 && !hit; y += 9) {
    for (let x = 100; x < box.width - 20 && !hit; x += 90) {
      await page.mouse.click(box.x + x, box.y + y);
      hit = await page.locator("#detail h3").count() > 0;
    }
  }
  assert.ok(hit, "a click selects");

  // The list of events is as long as it says, at most 300 rows, and its first link selects.
  await page.locator("#table-box summary").click();
  await page.waitForTimeout(100);
  const rows = await page.locator("#table tbody tr").count();
  assert.ok(rows > 0 && rows <= 300, rows + " rows");

  // The whole run, the other scheme, and paper.
  await page.locator("#fit").click();
  await page.waitForTimeout(200);
  await shot("whole");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(200);
  assert.strictEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(20, 22, 26)");
  await page.evaluate(() => scrollTo(0, 0));
  await shot("dark");
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  assert.ok(!await page.locator("#types").isVisible(), "no tools on paper");
  assert.ok(await page.locator("#diagram").isVisible(), "the diagram on paper");
  assert.deepStrictEqual(complaints, [], "no complaints on the console, nothing loaded");
  await browser.close();
})().catch((e) => { console.error(e.message || e); process.exit(1); });
