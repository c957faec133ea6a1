//<![CDATA[
"use strict";
// Of sheets: filters what has data-row, sorts tables of class "sort", copies what stands beside a button. Without it all is shown.
const $ = (s) => Array.from(document.querySelectorAll(s));
const filter = document.getElementById("filter"), only = document.getElementById("only-failed"), count = document.getElementById("count");
function apply() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  const rows = $("[data-row]");
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((w) => text.includes(w)) || (only && only.checked && row.dataset.row !== "failed");
    if (!row.hidden) shown++;
  }
  count.textContent = shown + " of " + rows.length + " shown";
}
if (filter) {
  filter.addEventListener("input", apply);
  if (only) only.addEventListener("change", apply);
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && e.target !== filter && !e.ctrlKey && !e.metaKey) { e.preventDefault(); filter.focus(); }
    if (e.key === "Escape" && e.target === filter) { filter.value = ""; apply(); }
  });
  apply();
}
const value = (cell) => { const n = Number(cell.dataset.n); return cell.dataset.n === undefined || Number.isNaN(n) ? cell.textContent.toLowerCase() : n; };
for (const table of $("table.sort")) {
  Array.from(table.tHead.rows[0].cells).forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button"; button.textContent = head.textContent;
    head.textContent = ""; head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending", rows = Array.from(table.tBodies[0].rows);
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((a, b) => { const x = value(a.cells[at]), y = value(b.cells[at]); return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1); });
      table.tBodies[0].append(...rows);
    });
  });
}
for (const button of $("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const code = button.previousElementSibling, range = document.createRange();
    range.selectNodeContents(code); getSelection().removeAllRanges(); getSelection().addRange(range);
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => { button.textContent = "Copied"; }, () => {});
  });
}
document.documentElement.dataset.ready = "1";
//]]>
