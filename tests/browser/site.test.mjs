// The site of `palisade docs build` as a person uses it, in headless Chromium, from `file://`: the shipped rules, and a
// thousand of them. What a page must do is known from the rule files and from what people expect of a page, never from the
// templates. Pictures of every page stay in the folder PICTURES.
//
//   PALISADE=target/debug/palisade LARGE=DIR PICTURES=DIR npm test
//
// PALISADE builds the sites; LARGE is a repository of many rules (`cargo bench --bench pipeline -- --repository 1000 DIR`).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { chromium } from "playwright-core";

const root = resolve(import.meta.dirname, "../..");
const palisade = resolve(root, process.env.PALISADE ?? "target/debug/palisade");
const large = process.env.LARGE && resolve(root, process.env.LARGE);
const pictures = resolve(root, process.env.PICTURES ?? "target/site-pictures");
const browserPath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path && existsSync(path));

const wide = { width: 1280, height: 900 };
const narrow = { width: 390, height: 844 };

/** Every rule file of a repository: its id is the file's name, and these are the words we look for. */
const rules = (folder) =>
  readdirSync(join(folder, "rules"), { recursive: true })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => {
      const text = readFileSync(join(folder, "rules", file), "utf8");
      return {
        id: file.replace(/^.*\//, "").replace(/\.yaml$/, ""),
        name: /^name: (.*)$/m.exec(text)[1].replace(/^(["'])(.*)\1$/, "$2"),
        // `- tactic: Persistence` and, below it, `techniques: [T1053.005]`.
        attack: [...text.matchAll(/- tactic: (\w+)\n +techniques: \[([^\]]*)\]/g)].flatMap(([, tactic, ids]) =>
          ids.split(",").map((id) => ({ tactic, id: id.trim() })),
        ),
      };
    });

const build = (repository, out) =>
  execFileSync(palisade, ["-C", repository, "docs", "build", "--quiet", "--out", out], { stdio: ["ignore", "ignore", "inherit"] });

const pagesOf = (folder) =>
  readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".html")).sort();

let browser;
let folder;
const shipped = rules(root);

before(async () => {
  assert.ok(browserPath, "no Chromium: install Debian's `chromium`, or name one in CHROMIUM");
  mkdirSync(pictures, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "palisade-site-"));
  build(root, join(folder, "shipped"));
  browser = await chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
});

after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Opens a page of a site and hands it to `use`; fails on anything in the console, on an error, on a request to elsewhere. */
async function opened(site, path, { viewport = wide, colorScheme = "light" }, use) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
  const troubles = [];
  context.on("request", (request) => {
    if (!request.url().startsWith("file://") && !request.url().startsWith("data:")) troubles.push(`asks ${request.url()}`);
  });
  const page = await context.newPage();
  page.on("console", (message) => troubles.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => troubles.push(`failed: ${request.url()}`));
  try {
    await page.goto(pathToFileURL(join(folder, site)).href + "/" + path);
    await use(page);
    assert.deepEqual(troubles, [], path);
  } finally {
    await context.close();
  }
}

const visibleRules = (page) =>
  page.locator("table.rules tbody tr:visible").evaluateAll((rows) =>
    rows.map((row) => row.querySelector("a").getAttribute("href").replace(/^rules\//, "").replace(/\.html$/, "")).sort(),
  );

/** A cell's rules are there when the page says so: it hears of the new address after the click. */
const answered = (page, technique, tactic) =>
  page.getByRole("status").filter({ hasText: `for ${technique} (${tactic})` }).waitFor();

/** The shipped rules of a technique (`T1053` has those of `T1053.005` too), under one tactic or any. */
const named = (technique, tactic) =>
  shipped
    .filter((rule) =>
      rule.attack.some(
        (one) => (!tactic || one.tactic === tactic) && (one.id === technique || one.id.startsWith(`${technique}.`)),
      ),
    )
    .map((rule) => rule.id)
    .sort();

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries({ wide, narrow })) {
    it(`every page, ${colorScheme}, ${size}: no error, nothing asked, nothing wider than the window, readable`, async () => {
      for (const path of pagesOf(join(folder, "shipped"))) {
        await opened("shipped", path, { viewport, colorScheme }, async (page) => {
          const width = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(width <= viewport.width, `${path} is ${width} pixels wide in a window of ${viewport.width}`);
          await page.evaluate(axe.source);
          const { violations } = await page.evaluate(() => window.axe.run({ preload: false, resultTypes: ["violations"] }));
          const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
          assert.deepEqual(found, [], path);
          const picture = `${path.replaceAll("/", "-").replace(/\.html$/, "")}-${size}-${colorScheme}.png`;
          await page.screenshot({ path: join(pictures, picture), fullPage: true });
        });
      }
    });
  }
}

it("dark mode is dark and light mode is light", async () => {
  const brightness = async (colorScheme) => {
    let value;
    await opened("shipped", "index.html", { colorScheme }, async (page) => {
      value = await page.evaluate(() => {
        const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).map(Number);
        return (red + green + blue) / 3;
      });
    });
    return value;
  };
  assert.ok((await brightness("dark")) < 60);
  assert.ok((await brightness("light")) > 200);
});

describe("search", () => {
  it("finds a rule by a word of its name, and the rule's page opens", async () => {
    const wanted = shipped.find((rule) => rule.id === "scheduled-task-hidden-in-registry");
    await opened("shipped", "index.html", {}, async (page) => {
      assert.deepEqual(await visibleRules(page), shipped.map((rule) => rule.id).sort());
      await page.getByRole("searchbox").fill("HIDDEN");
      assert.deepEqual(await visibleRules(page), [wanted.id]);
      assert.match(await page.getByRole("status").textContent(), new RegExp(`^1 of ${shipped.length} `));
      await page.getByRole("searchbox").press("Enter");
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/rules/${wanted.id}.html`);
      assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), wanted.name);
    });
  });

  it("says that nothing fits, and shows everything again", async () => {
    await opened("shipped", "index.html", {}, async (page) => {
      await page.getByRole("searchbox").fill("no such words anywhere");
      assert.deepEqual(await visibleRules(page), []);
      assert.match(await page.getByRole("status").textContent(), new RegExp(`^0 of ${shipped.length} `));
      await page.getByRole("link", { name: "Show all" }).click();
      assert.equal((await visibleRules(page)).length, shipped.length);
    });
  });

  it("works from another page of the site", async () => {
    await opened("shipped", "allowlists.html", {}, async (page) => {
      await page.getByRole("searchbox").fill("hidden");
      await page.getByRole("searchbox").press("Enter");
      await page.waitForURL("**/index.html?q=hidden*");
      assert.deepEqual(await visibleRules(page), ["scheduled-task-hidden-in-registry"]);
    });
  });
});

describe("the matrix", () => {
  it("opens the rules of a technique and of a sub-technique", async () => {
    await opened("shipped", "index.html", {}, async (page) => {
      for (const tactic of ["Execution", "Persistence"]) {
        for (const technique of ["T1053", "T1053.005"]) {
          const cell = page.locator(`[data-tactic="${tactic}"] a.cell`).filter({ hasText: `${technique} Scheduled Task` });
          const count = Number(await cell.locator(".count").textContent());
          await cell.click();
          await answered(page, technique, tactic);
          const wanted = named(technique, tactic);
          assert.ok(wanted.length > 0 && wanted.length === count, `${wanted.length} rules, the cell says ${count}`);
          assert.deepEqual(await visibleRules(page), wanted, `${tactic} ${technique}`);
        }
      }
    });
  });

  it("is where a technique on a rule's page leads", async () => {
    const rule = shipped.find((one) => one.id === "scheduled-task-untrusted-binary");
    await opened("shipped", `rules/${rule.id}.html`, {}, async (page) => {
      await page.locator("a.technique").first().click();
      await page.waitForURL("**/index.html#T*");
      const technique = new URL(page.url()).hash.slice(1);
      assert.ok(rule.attack.some((one) => one.id === technique));
      assert.deepEqual(await visibleRules(page), named(technique));
    });
  });
});

describe("without a mouse", () => {
  it("the first stop skips to the content, and a slash goes to the search", async () => {
    await opened("shipped", "index.html", {}, async (page) => {
      await page.keyboard.press("Tab");
      const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
      assert.equal(await focused(), "Skip to the content");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
      await page.keyboard.press("/");
      assert.equal(await page.evaluate(() => document.activeElement.id), "search");
      await page.keyboard.type("hidden");
      assert.deepEqual(await visibleRules(page), ["scheduled-task-hidden-in-registry"]);
    });
  });

  it("every control is reached by Tab, seen when it is, and a cell opens with Enter", async () => {
    await opened("shipped", "index.html", {}, async (page) => {
      const controls = await page.locator("a[href]:visible, input:visible, select:visible, summary:visible").count();
      const reached = new Set();
      let cell;
      for (let stop = 0; stop < controls + 20; stop += 1) {
        await page.keyboard.press("Tab");
        const here = await page.evaluate(() => {
          const one = document.activeElement;
          if (one === document.body) return null;
          const all = [...document.querySelectorAll("*")];
          const style = getComputedStyle(one);
          return { at: all.indexOf(one), outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0, cell: one.matches("a.cell") && one.getAttribute("href") };
        });
        if (!here) break;
        assert.ok(here.outline, `the stop ${here.at} is not marked`);
        reached.add(here.at);
        cell ||= here.cell;
      }
      const missing = await page.evaluate((reached) => {
        const all = [...document.querySelectorAll("*")];
        return [...document.querySelectorAll("a[href], input, select, summary")]
          .filter((one) => one.checkVisibility() && !reached.includes(all.indexOf(one)))
          .map((one) => one.outerHTML.slice(0, 100));
      }, [...reached]);
      assert.deepEqual(missing, []);
      await page.locator(`a.cell[href="${cell}"]`).focus();
      await page.keyboard.press("Enter");
      const [tactic, technique] = cell.slice(1).split("/");
      await answered(page, technique, tactic);
      assert.deepEqual(await visibleRules(page), named(technique, tactic));
    });
  });
});

it("an environment narrows the rules, and every cell of the matrix says how many of them it opens", async () => {
  await opened("shipped", "index.html", {}, async (page) => {
    await page.getByRole("combobox").selectOption({ label: "sandbox" });
    const here = await visibleRules(page);
    assert.ok(here.length > 0);
    const cells = await page.locator("a.cell:visible").evaluateAll((all) =>
      all.map((cell) => ({ address: cell.getAttribute("href"), count: Number(cell.querySelector(".count").textContent) })),
    );
    assert.ok(cells.length > 0);
    for (const { address, count } of cells) {
      const [tactic, technique] = address.slice(1).split("/");
      assert.equal(count, named(technique, tactic).filter((id) => here.includes(id)).length, address);
    }
  });
});

it("every page can be read without scripts", async () => {
  const context = await browser.newContext({ viewport: wide, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(join(folder, "shipped", "index.html")).href);
  for (const rule of shipped) {
    assert.ok(await page.getByRole("link", { name: rule.name, exact: true }).isVisible(), rule.name);
  }
  await context.close();
});

describe("a thousand rules", { skip: large ? false : "LARGE names no repository" }, () => {
  before(() => build(large, join(folder, "large")));

  it("are found, and nothing is wider than a small window", async () => {
    const all = rules(large);
    const wanted = all[Math.floor(all.length / 2)];
    for (const viewport of [wide, narrow]) {
      await opened("large", "index.html", { viewport }, async (page) => {
        assert.equal(await page.locator("table.rules tbody tr").count(), all.length);
        await page.getByRole("searchbox").fill(wanted.id);
        assert.ok((await visibleRules(page)).includes(wanted.id));
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= viewport.width);
      });
    }
  });
});
