// Narrows the table of rules by words, by an environment and by a technique, and keeps the matrix in step. Reads only what
// the page holds; asks nobody; stores nothing. The address says what is shown: ?q=WORDS&env=NAME#T1053.
"use strict";

const search = document.getElementById("search");

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

if (document.querySelector("table.rules")) start();

function start() {
  const rows = [...document.querySelectorAll("table.rules tbody tr")].map((row) => ({
    row,
    words: `${row.textContent} ${row.dataset.words}`.toLowerCase(),
    environments: new Set(row.dataset.environments.split(" ")),
    techniques: row.dataset.techniques.split(" ").filter(Boolean),
  }));
  const cells = [...document.querySelectorAll("a.cell")].map((cell) => ({
    cell,
    count: cell.querySelector(".count"),
    technique: cell.dataset.technique,
    tactic: cell.closest(".tactic").dataset.tactic,
    all: Number(cell.querySelector(".count").textContent),
  }));
  const environment = document.getElementById("environment");
  const shown = document.getElementById("shown");
  const everything = document.getElementById("everything");
  const holes = document.getElementById("holes");
  const asked = new URLSearchParams(location.search);

  search.value = asked.get("q") ?? "";
  const named = [...environment.options].find((option) => option.dataset.name === asked.get("env"));
  if (asked.get("env") && named) environment.value = named.value;
  holes.checked = matchMedia("(min-width: 40.01rem)").matches;

  const technique = () => (/^#T\d{4}(\.\d{3})?$/.test(location.hash) ? location.hash.slice(1) : "");
  const is = (rule, wanted) => rule.techniques.some((one) => one === wanted || one.startsWith(`${wanted}.`));
  const here = (rule) => environment.value === "" || rule.environments.has(environment.value);

  function narrow() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = technique();
    let count = 0;
    for (const rule of rows) {
      const fits = here(rule) && words.every((word) => rule.words.includes(word)) && (!wanted || is(rule, wanted));
      rule.row.hidden = !fits;
      if (fits) count += 1;
    }
    const about = wanted ? ` for ${wanted}` : "";
    shown.textContent = `${count} of ${rows.length} rules${about}`;
    everything.classList.toggle("hide", count === rows.length && !wanted);
  }

  // Counts of one environment; the page holds those of all.
  function recount() {
    for (const one of cells) {
      const count =
        environment.value === ""
          ? one.all
          : rows.filter((rule) => here(rule) && is(rule, one.technique)).length;
      one.count.textContent = String(Math.min(count, one.all));
      one.cell.parentElement.classList.toggle("none", count === 0);
    }
  }

  function results() {
    narrow();
    if (technique()) {
      const title = document.getElementById("rules-title");
      title.scrollIntoView();
      title.focus({ preventScroll: true });
    }
  }

  search.form.addEventListener("submit", (event) => {
    event.preventDefault();
    document.getElementById("rules-title").scrollIntoView();
    document.querySelector("table.rules tbody tr:not([hidden]) a")?.focus();
  });
  search.addEventListener("input", narrow);
  environment.addEventListener("change", () => { narrow(); recount(); });
  holes.addEventListener("change", () => document.querySelector(".matrix").classList.toggle("covered", !holes.checked));
  everything.addEventListener("click", () => {
    search.value = "";
    environment.value = "";
    recount();
  });
  addEventListener("hashchange", results);
  document.querySelector(".matrix").classList.toggle("covered", !holes.checked);
  recount();
  results();
}
