// The upper left part of a page as a picture. Usage: picture.js PAGE FILE WIDTH HEIGHT
"use strict";
const { open, test } = require("./lib.js");

test(async () => {
  const [name, file, width, height] = process.argv.slice(2), { page, end } = await open(name);
  await page.setViewportSize({ width: Number(width), height: Number(height) });
  await page.waitForTimeout(300); // The diagram is drawn anew in its new size.
  await page.screenshot({ path: file });
  await end();
});
