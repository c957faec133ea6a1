// A run that stopped: the page tells the last view change, whose NEW-VIEW is lost, and what each replica waits for. Usage: stall.js PAGE
"use strict";
const { assert, open, test } = require("./lib.js");

test(async () => {
  const { page, shot, end } = await open(process.argv[2]);
  const told = page.locator("details[data-cause]").first();
  assert.match(await told.locator("summary").textContent(), /^How it came to that, in view \d+$/);
  const text = await told.textContent();
  assert.match(text, /leaves for view \d/);
  assert.match(text, /sends VIEW-CHANGE to /);
  assert.match(text, /r1 \(Byzantine\)sends NEW-VIEW to /);
  assert.match(text, /loses NEW-VIEW to /);
  assert.match(text, /waiting for /);
  assert.ok(!/PRE-PREPARE|for number/.test(text), "nothing of a number that is not wrong: " + text);
  await shot("stall");
  await end();
});
