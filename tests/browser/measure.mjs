// How heavy the first page of a site is, and how long Chromium takes until it can be used. Prints; judges nothing.
//
//   node measure.mjs SITE          a folder that `palisade docs build` wrote; figures are in docs/performance.md
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const site = resolve(process.argv[2] ?? ".");
const files = ["index.html", "assets/site.css", "assets/site.js"];
const bytes = files.map((file) => gzipSync(readFileSync(join(site, file)), { level: 6 }).length);
console.log(`first page, compressed: ${bytes.reduce((a, b) => a + b)} bytes (${files.map((file, i) => `${file} ${bytes[i]}`).join(", ")})`);

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
const times = { interactive: [], search: [] };
for (let run = 0; run < 5; run += 1) {
  const page = await browser.newPage();
  await page.goto(pathToFileURL(join(site, "index.html")).href);
  // The script is deferred: when this event has ended, search and matrix work.
  times.interactive.push(await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd));
  times.search.push(
    await page.evaluate(() => {
      const search = document.getElementById("search");
      const begin = performance.now();
      search.value = "no such words";
      search.dispatchEvent(new Event("input"));
      document.body.getBoundingClientRect();
      return performance.now() - begin;
    }),
  );
  await page.close();
}
await browser.close();
for (const [what, all] of Object.entries(times)) {
  const sorted = all.map(Math.round).sort((a, b) => a - b);
  console.log(`${what}: median ${sorted[2]} ms, least ${sorted[0]} ms, most ${sorted[4]} ms`);
}
