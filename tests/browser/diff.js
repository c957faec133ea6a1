// Two runs on one page. Usage: diff.js PAGE differ|late|same
"use strict";
const { assert, open, test } = require("./lib.js");

test(async () => {
  const { page, shot, end } = await open(process.argv[2]), how = process.argv[3];
  const text = await page.textContent("#compare-text"), lanes = await page.locator("#lanes button").allTextContents();
  assert.deepStrictEqual(lanes, ["A r0", "A r1", "A r2", "A r3", "A c0", "A c1", "B r0", "B r1", "B r2", "B r3", "B c0", "B c1"]);
  await shot("page");
  if (how === "same") {
    assert.match(text, /They are the same: \d+ events/);
    assert.ok(!await page.locator("#to-parting").isVisible(), "no parting to go to");
    assert.strictEqual(await page.locator("#compare-only div").count(), 0);
    return end();
  }
  const [, same, at, unit] = /The first (\d+) events are the same. At ([\d.]+) (ns|us|ms|s) the runs part/.exec(text);
  assert.ok(how !== "late" || (Number(same) > 500 && unit === "ms"), `${same} events the same, parting at ${at} ${unit}`);
  assert.match(await page.textContent("#compare-facts"), /decidedotherwise for the first time.*A: .+ = \d+; B: /);
  // Its first difference is shown by a click, with fields or numbers, and is in one run only or at another time.
  await page.locator("#compare-facts button").first().click();
  assert.ok(await page.locator("#detail h3").count() > 0, "the first difference is selected");
  // What only one run has leads to an event that says so.
  for (const side of how === "late" ? ["b"] : ["a", "b"]) {
    const only = page.locator(`#compare-only ol[data-only="${side}"] button`);
    if (how === "differ") assert.ok(await only.count() > 0, "events only in " + side);
    if (await only.count() === 0) continue;
    await only.first().click();
    assert.match(await page.textContent("#detail"), new RegExp("Only in run " + side.toUpperCase()));
  }
  // Hiding what both have leaves less, and comes back.
  await page.locator("#fit").click();
  await page.waitForTimeout(100);
  const messages = async () => Number(/events, ([\d,]+) messages/.exec(await page.textContent("#count"))[1].replace(/,/g, ""));
  const all = await messages();
  await page.locator("#only-alone").click();
  const fewer = await messages();
  assert.ok(fewer < all, `${fewer} of ${all} messages differ`);
  await page.locator("#only-alone").click();
  assert.strictEqual(await messages(), all);
  // By keyboard to where they part: both runs are in view there.
  await page.focus("#diagram");
  await page.keyboard.press("d");
  await page.waitForTimeout(100);
  assert.ok(await messages() < all, "a part of the runs");
  await shot("parting");
  await end();
});
