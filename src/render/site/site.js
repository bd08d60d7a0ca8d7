// Narrows the table of rules by words, by an environment and by a technique, and keeps the matrix in step. Reads only what
// the page holds; asks nobody; stores nothing. The address says what is shown: ?q=WORDS&env=NAME#T1053, or of one tactic
// #Persistence/T1053.
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
    environments: new Set(row.dataset.environments.split(" ").filter(Boolean)),
    attack: new Set(row.dataset.attack.split(" ").filter(Boolean).flatMap(names)),
  }));
  const cells = [...document.querySelectorAll("a.cell")].map((cell) => ({
    cell,
    count: cell.querySelector(".count"),
    name: cell.hash.slice(1),
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

  const technique = () => (/^#([A-Za-z]+\/)?T\d{4}(\.\d{3})?$/.test(location.hash) ? location.hash.slice(1) : "");
  const here = (rule) => environment.value === "" || rule.environments.has(environment.value);

  function narrow() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = technique();
    let count = 0;
    for (const rule of rows) {
      const fits = here(rule) && words.every((word) => rule.words.includes(word)) && (!wanted || rule.attack.has(wanted));
      rule.row.hidden = !fits;
      if (fits) count += 1;
    }
    const [id, tactic] = wanted.split("/").reverse();
    const about = wanted ? ` for ${id}${tactic ? ` (${tactic})` : ""}` : "";
    shown.textContent = `${count} of ${rows.length} rules${about}`;
    everything.classList.toggle("hide", count === rows.length && !wanted);
  }

  // A cell counts the rules that watch somewhere, or in the chosen environment.
  function recount() {
    const watching = rows.filter((rule) => rule.environments.size > 0 && here(rule));
    for (const one of cells) {
      const count = watching.filter((rule) => rule.attack.has(one.name)).length;
      one.count.textContent = String(count);
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

// Every name under which a rule of `Persistence/T1053.005` is found: with and without its tactic, and as its technique.
function names(attack) {
  const [tactic, id] = attack.split("/");
  const parent = id.split(".")[0];
  return [attack, id, `${tactic}/${parent}`, parent];
}
