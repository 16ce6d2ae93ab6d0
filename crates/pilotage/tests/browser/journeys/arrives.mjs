// A delivery arrives and appears on the open page, whether a rule wants it or not; what a person did there stays.
import { assert, deliver, push, travel } from "./browser.mjs";

await travel(async (open) => {
  const page = await open();
  await page.goto("/");
  await page.locator("#events").getByText("No delivery has come yet").waitFor();
  await page.evaluate(() => { window.neverReloaded = true; });
  await deliver("push", push());
  await page.locator("#events tr", { hasText: "push" }).getByText("1 execution").waitFor();
  await deliver("star", { action: "created" });
  await page.locator("#events tr", { hasText: "star" }).getByText("no rule matched").waitFor();
  assert.equal(await page.evaluate(() => window.neverReloaded), true);

  await page.goto("/events");
  await page.locator("details.filter > summary").click();
  await page.getByLabel("Type", { exact: true }).fill("half typ");
  await page.evaluate(() => { window.neverReloaded = true; });
  await deliver("fork", { forkee: {} });
  await page.locator("#events tr", { hasText: "fork" }).waitFor();
  assert.equal(await page.getByLabel("Type", { exact: true }).inputValue(), "half typ");
  assert.equal(await page.evaluate(() => document.activeElement.name), "type");
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  assert.equal(await page.locator("#events tbody tr").count(), 3);
});
