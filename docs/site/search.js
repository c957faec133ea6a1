// Search in titles, headings and text of the pages; the index is a script beside this one, so that it works from a folder, too.
(function () {
  var input = document.getElementById("search"), list = document.getElementById("found"), base = document.documentElement.dataset.base;
  function show() {
    var words = input.value.toLowerCase().split(/\s+/).filter(Boolean), hits = [];
    list.textContent = "";
    if (!words.length) return;
    window.NIKA_INDEX.forEach(function (entry) {
      var title = entry[1].toLowerCase(), text = entry[2].toLowerCase();
      if (words.every(function (w) { return title.includes(w) || text.includes(w); }))
        hits.push([words.filter(function (w) { return title.includes(w); }).length, entry]);
    });
    hits.sort(function (a, b) { return b[0] - a[0]; });
    hits.slice(0, 12).forEach(function (hit) {
      var item = document.createElement("li"), link = document.createElement("a");
      link.href = base + hit[1][0];
      link.textContent = hit[1][1];
      item.appendChild(link);
      list.appendChild(item);
    });
    if (!hits.length) list.appendChild(document.createElement("li")).textContent = "nothing found";
  }
  input.addEventListener("input", show);
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== input) { input.focus(); event.preventDefault(); }
  });
})();
