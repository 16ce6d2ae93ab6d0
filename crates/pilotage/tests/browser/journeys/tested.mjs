// A run of tests appears by itself, moves on, ends red, and says what failed, what wobbled and what is missing; texts of
// strangers stay text.
import { readFile } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { api, assert, modules, travel } from "./browser.mjs";

const axe = await readFile(`${modules}/axe-core/axe.min.js`, "utf8");
const pictures = process.env.PILOTAGE_SHOTS;
if (pictures) mkdirSync(pictures, { recursive: true });

const hostile = '</pre><script>alert(1)</script>"><img src=x onerror=alert(2)> \u202Egnp.exe ';
const evil = [
  "<script>alert(1)</script>",
  "\"><img src=x onerror=alert(1)>",
  "'><svg onload=alert(1)>",
  "</bdi></pre></main><h1>taken over</h1>",
  "{{7*7}} ${7*7} <%= 7*7 %>",
  "\u202Egnp.exe\u202C \u2066isolated\u2069 \u200F",
  "\u0007\u001b[31m",
  "Z\u0351\u036b\u0343".repeat(100),
  "w".repeat(450),
];
const send = (method, path, body) => api(`/api/v1/tests/runs${path}`, { method, body: JSON.stringify(body) });
const begin = (more = {}) => send("POST", "", { name: "main", commit: "c0ffee00".repeat(5), suites: ["unit"], files: 4, ...more });
const attempt = (outcome, message) => ({ outcome, seconds: 0.2, message });
const totals = (passed, failed, flaky, problems) => ({
  files: 4, tests: passed + failed + flaky, passed, failed, skipped: 0, flaky, quarantined: 0, problems,
});
const report = (failed, wobble) => ({
  passed: failed === 0, totals: totals(40 - failed - wobble, failed, wobble, failed), seconds: 12.5,
  suites: [{
    name: "unit", runner: "vitest", totals: totals(40 - failed - wobble, failed, wobble, failed),
    files: { "src/list.test.ts": { seconds: 3, tests: [
      ...Array.from({ length: 39 - failed - wobble }, (_, index) => ({ name: `sorts list ${index}`, state: "passed", seconds: index / 50 })),
      { name: "wobbles", ...(wobble ? { state: "flaky", seconds: 1.4, attempts: [attempt("failed", hostile), attempt("passed", "")] } : { state: "passed", seconds: 0.7 }) },
      ...(failed ? [{ name: hostile + "x".repeat(300), state: "failed", seconds: 0.4, attempts: [attempt("failed", `${hostile}\n`.repeat(30))] }] : []),
    ] } },
  }],
  problems: failed ? [{ kind: "missing", suite: "unit", file: "src/gone.test.ts", text: "it was planned and nothing was heard of it" }] : [],
  coverage: { shares: { lines: { covered: 871, total: 1000 }, branches: { covered: 70, total: 100 }, functions: { covered: 9, total: 10 }, files: 12 },
    asked: { lines: 90 }, providers: ["istanbul"] },
});

await travel(async (open) => {
  const page = await open();
  const look = async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${colorScheme}.png`, fullPage: true });
    }
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    assert.deepEqual(violations.map((one) => `${name}: ${one.id}: ${one.help}`), []);
    const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(width <= 0, `${name}: ${width} px stick out`);
    assert.equal(await page.locator("main img, main script").count(), 0, `${name}: something became an element`);
  };
  const onPhone = async (name) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await look(`${name}-phone`);
    await page.setViewportSize({ width: 1360, height: 900 });
  };
  await page.goto("/tests");
  await page.getByText("No test run was shown here yet").waitFor();
  await look("tests-empty");
  for (const wobble of [0, 1, 1]) {
    const { id } = await begin();
    await send("PUT", `/${id}/report`, report(0, wobble));
  }
  // It appears and moves on without a reload.
  const { id } = await begin({ name: "feature/<b>bold</b>" });
  const row = page.locator(`#runs tr[data-key="${id}"]`);
  await row.locator(".state.run").waitFor();
  await send("PUT", `/${id}/progress`, { current: 2, total: 4, message: "2 of 4 files, 17 tests" });
  await row.getByText("2 of 4 files, 17 tests").waitFor();
  await look("tests-running");
  await row.locator("a.strong").focus();
  await page.keyboard.press("Enter");
  await page.locator("#stand progress").waitFor();
  await look("test-run-running");
  await send("PUT", `/${id}/report`, report(1, 1));
  await page.locator("#stand .state.bad", { hasText: "failed" }).waitFor();
  await page.getByText("src/gone.test.ts").waitFor();
  for (const summary of await page.locator("#came summary").all()) await summary.click();
  await look("test-run");
  await onPhone("test-run");
  await page.getByRole("link", { name: "wobbles" }).first().click();
  await page.getByRole("heading", { name: "wobbles" }).waitFor();
  assert.equal(await page.locator("table", { hasText: "Took" }).last().locator("tbody tr").count(), 4);
  await look("test-history");
  await onPhone("test-history");
  await page.goto("/tests");
  await look("tests");
  await onPhone("tests");
  // Whatever a run calls things, they are text and stick out nowhere.
  for (const [index, text] of evil.entries()) {
    const { id } = await begin({ name: `n${text}`, suites: [text] });
    const tests = [{ name: `t${text}`, state: "failed", seconds: 1, attempts: [attempt("failed", text)], quarantine: { owner: text, reason: text, until: text } },
      { name: `u${text}`, state: "flaky", seconds: 1e300, attempts: [attempt("failed", text), attempt("passed", text)] }];
    await send("PUT", `/${id}/report`, {
      passed: false, totals: totals(0, 1, 1, 1), notes: [text], problems: [{ kind: "killed", suite: text, file: text, text }],
      suites: [{ name: text, runner: text, totals: totals(0, 1, 1, 1), files: { [text]: { tests } } }],
      coverage: { shares: { lines: { covered: 1, total: 2 }, branches: { covered: 1, total: 2 }, functions: { covered: 1, total: 2 }, files: 1 }, asked: {},
        providers: [text], notes: [text], changed: { base: text, lines: { covered: 0, total: 1 }, uncovered: { [text]: [1, 4294967295] }, unknown: [] } },
    });
    await page.setViewportSize(index % 2 ? { width: 360, height: 740 } : { width: 1360, height: 900 });
    const query = new URLSearchParams({ suite: text, file: text, test: `u${text}` });
    for (const path of ["/tests", `/tests/runs/${id}`, `/tests/history?${query}`, "/", "/audit"]) {
      await page.goto(path);
      assert.equal(await page.locator("img, iframe, object, svg[onload], h1:text('taken over')").count(), 0, path);
      const scripts = await page.locator("script").evaluateAll((all) => all.map((one) => one.src));
      assert.equal(scripts.length, 1, path);
      const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(width <= 0, `${path} of ${index}: ${width} px stick out`);
    }
  }
  await page.goto("/tests?status=failed&name=main");
  await page.getByText("No run passes these filters").waitFor();
});
