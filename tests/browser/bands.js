// The bands of a run, as words and as ink. Usage: bands.js PAGE "NODE|WHAT[|FROM|TO]"...
"use strict";
const { assert, open, test } = require("./lib.js");

test(async () => {
  const { page, shot, end } = await open(process.argv[2]);
  await page.locator("#fit").click();
  await page.locator("#table-box summary").click();
  await page.waitForTimeout(200);
  const rows = await page.locator("#bands tbody tr").evaluateAll((list) => list.map((r) => [...r.cells].map((c) => c.textContent).join("|")));
  for (const want of process.argv.slice(3)) assert.ok(rows.some((r) => r.startsWith(want)), `a band "${want}" among:\n` + rows.join("\n"));
  assert.ok(!rows.some((r) => r.startsWith("c0|")), "clients have none");
  // A window without the last band does not list it.
  await page.locator("#to-start").click();
  await page.waitForTimeout(200);
  assert.ok(await page.locator("#bands tbody tr").count() < rows.length, "fewer in a part of the run");
  await page.locator("#fit").click();
  await page.waitForTimeout(200);
  await shot("bands");
  await end();
});
