// A delivery arrives and appears on the open page, whether a rule wants it or not; what a person did there stays.
import { assert, deliver, push, travel } from "./browser.mjs";

await travel(async (open) => {
  const page = await open();
  await page.goto("/");
  await page.locator("#events").getByText("No delivery has come yet").waitFor();
  await page.locator("#link[data-state=live]", { hasText: "live" }).waitFor();
  await page.evaluate(() => { window.neverReloaded = true; });
  await deliver("push", push());
  await page.locator("#events tr", { hasText: "push" }).getByText("1 execution").waitFor();
  await deliver("star", { action: "created" });
  await page.locator("#events tr", { hasText: "star" }).getByText("no rule matched").waitFor();
  assert.equal(await page.evaluate(() => window.neverReloaded), true);

  // The focus stays with its line while others come before it.
  const push1 = page.locator("#events tr", { hasText: "push" }).getByRole("link");
  const address = await push1.getAttribute("href");
  await push1.focus();
  await deliver("watch", { action: "started" });
  await page.locator("#events tr", { hasText: "watch" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), address);

  // Opened details stay open, and a selection is not taken away.
  await page.goto("/audit");
  const record = page.locator("#records tr", { hasText: "delivery.accepted" }).first();
  const number = await record.getAttribute("data-key");
  await record.locator("summary").click();
  const newest = Number(await page.locator("#records tbody tr").first().getAttribute("data-key"));
  await deliver("gollum", { pages: [] });
  await page.waitForFunction((before) => Number(document.querySelector("#records tbody tr").dataset.key) > before, newest);
  assert.equal(await page.locator(`#records tr[data-key="${number}"] details`).evaluate((one) => one.open), true);

  await page.goto("/events");
  await page.locator("details.filter > summary").click();
  await page.getByLabel("Type", { exact: true }).fill("half typ");
  await page.evaluate(() => { window.neverReloaded = true; });
  await deliver("fork", { forkee: {} });
  await page.locator("#events tr", { hasText: "fork" }).waitFor();
  assert.equal(await page.getByLabel("Type", { exact: true }).inputValue(), "half typ");
  assert.equal(await page.evaluate(() => document.activeElement.name), "type");
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  assert.equal(await page.locator("#events tbody tr").count(), 5);
});
