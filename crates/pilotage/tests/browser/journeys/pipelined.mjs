// A run of a pipeline appears by itself, fails, says why without being asked, and is run again after a question.
import { readFile } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { api, assert, modules, travel, until } from "./browser.mjs";

const axe = await readFile(`${modules}/axe-core/axe.min.js`, "utf8");
const pictures = process.env.PILOTAGE_SHOTS;
if (pictures) mkdirSync(pictures, { recursive: true });

const start = (inputs) =>
  api("/api/v1/pipelines/runs", { method: "POST", body: JSON.stringify({ platform: "it", ref: "main", inputs }) });

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
  };
  await page.goto("/pipelines");
  await page.getByText("No pipeline was started here yet").waitFor();
  await look("pipelines-empty");
  const hostile = '<img src=x onerror=alert(1)>"';
  const { id } = await start({ fail: "test", lines: hostile });
  await page.locator(`#runs tr[data-key="${id}"]`).waitFor();
  await page.locator(`#runs tr[data-key="${id}"] .state.bad`, { hasText: "failed" }).waitFor();
  await look("pipelines");
  await page.locator(`#runs tr[data-key="${id}"] a.strong`).click();
  await page.locator("#failure pre", { hasText: "failed: 1 of 12 is wrong" }).waitFor();
  assert.equal(await page.locator("#facts").getByText(hostile).count(), 1);
  await page.locator("#jobs .state.bad", { hasText: "failed" }).first().waitFor();
  await look("pipeline-failed");
  await page.setViewportSize({ width: 360, height: 740 });
  await look("pipeline-failed-phone");
  await page.setViewportSize({ width: 1360, height: 900 });
  await page.getByRole("link", { name: "Run again" }).click();
  const dialog = page.getByRole("dialog", { name: /^Run .* again/ });
  await dialog.getByRole("link", { name: "Do nothing" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Run again" }).click();
  await dialog.getByRole("button", { name: "Run it again" }).click();
  await page.locator("#stand .state.ok", { hasText: "succeeded" }).waitFor();
  await look("pipeline-succeeded");
  const waits = await start({ approval: "true" });
  await until(`/api/v1/pipelines/runs/${waits.id}`, (run) => run.state === "waiting");
  await page.goto(`/pipelines/${waits.id}`);
  await look("pipeline-waiting");
  await page.getByRole("link", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop the run" }).click();
  await page.locator("#stand .state.off", { hasText: "cancelled" }).waitFor();
  await page.goto("/pipelines?state=cancelled");
  assert.equal(await page.locator("#runs tbody tr").count(), 1);
});
