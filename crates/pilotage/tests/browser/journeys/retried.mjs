// A failing execution is found, understood and retried, with the script and without it.
import { assert, deliver, push, travel, until } from "./browser.mjs";

await travel(async (open) => {
  const failed = (count) => until("/api/v1/stats", (stats) => stats.totals.failed === count);
  await deliver("push", push());
  await failed(1);
  const page = await open();
  await page.goto("/");
  // One click to the dead letters, one to the execution, and it says why.
  await page.locator("#tiles a", { hasText: "Dead letters" }).click();
  await page.locator("#executions a.strong").first().click();
  await page.getByText("It lies in the dead letters").waitFor();
  await page.locator("#attempts").getByText("HTTP 410").waitFor();
  assert.match(await page.locator(".request").first().innerText(), /^POST http:/);
  assert.match(await page.locator("#stand .reason").innerText(), /answered 410/);
  await page.getByRole("link", { name: "Retry" }).click();
  const dialog = page.getByRole("dialog", { name: /^Retry execution/ });
  await dialog.getByRole("link", { name: "Do nothing" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Retry");
  await page.getByRole("link", { name: "Retry" }).click();
  await dialog.getByRole("button", { name: "Retry" }).click();
  await page.getByText("Sent back from the dead letters").waitFor();
  await page.locator("#stand .state.ok", { hasText: "succeeded" }).first().waitFor();
  assert.equal(await page.getByRole("link", { name: "Retry" }).count(), 0);
  await failed(0);
});

await travel(async (open) => {
  await deliver("push", push({ fails: true }));
  const page = await open({ javaScriptEnabled: false });
  await until("/api/v1/stats", (stats) => stats.totals.pending + stats.totals.running + stats.totals.undecided === 0);
  await page.goto("/executions");
  await page.locator("#executions a.strong").first().click();
  await page.locator(".heading a", { hasText: "event" }).click();
  await page.getByRole("link", { name: "Replay" }).click();
  await page.getByLabel("The same versions that matched then").check();
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("1 execution scheduled").waitFor();
});
