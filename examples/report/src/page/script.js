"use strict";
(() => {
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  // A click on a heading sorts, a second one the other way round.
  for (const table of all("table.sortable")) {
    all("th", table).forEach((head, column) => head.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const text = (row) => row.cells[column].textContent;
      const number = (value) => value !== "" && !isNaN(value);
      const rows = Array.from(body.rows).sort((a, b) => {
        const [one, two] = [text(a), text(b)];
        const order = number(one) && number(two) ? one - two : one < two ? -1 : one > two ? 1 : 0;
        return up ? order : -order;
      });
      body.append(...rows);
    }));
  }
  // The search leaves what has all its words.
  const search = document.getElementById("search");
  const count = document.getElementById("found");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (element) => words.every((word) => element.textContent.toLowerCase().includes(word));
    let found = 0;
    for (const row of all("tbody tr, .alert, .tree li, .step")) {
      row.hidden = !has(row);
      found += row.hidden ? 0 : 1;
    }
    for (const node of all("#slice .node")) node.classList.toggle("on", words.length > 0 && has(node));
    count.textContent = words.length ? found + " found" : "";
  });
  // What led to an alert.
  const slice = document.getElementById("slice");
  const choose = (nodes) => {
    const chosen = new Set(nodes);
    if (!slice) return;
    slice.classList.toggle("chosen", nodes.length > 0);
    for (const node of all(".node", slice)) node.classList.toggle("on", chosen.has(node.id.slice(1)));
    for (const edge of all(".edge", slice)) {
      edge.classList.toggle("on", edge.dataset.of.split(" ").every((end) => chosen.has(end)));
    }
  };
  for (const button of all("button[data-causes]")) {
    button.addEventListener("click", () => {
      choose(button.dataset.causes.split(" ").filter(Boolean));
      slice.scrollIntoView();
    });
  }
  const reset = document.getElementById("all");
  if (reset) reset.addEventListener("click", () => choose([]));
})();
