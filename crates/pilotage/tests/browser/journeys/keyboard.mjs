// Everything without a mouse.
import { assert, deliver, push, travel, until } from "./browser.mjs";

await travel(async (open) => {
  const event = await deliver("push", push());
  await until("/api/v1/stats", (stats) => stats.totals.undecided === 0);
  const page = await open();
  await page.goto("/");
  const press = (key) => page.keyboard.press(key);
  const focused = () => page.evaluate(() => (document.activeElement.getAttribute("aria-label") || document.activeElement.innerText || document.activeElement.id).trim());
  /** Tabs until what is focused matches; the focus must be visible all the way. */
  const reach = async (wanted) => {
    for (let step = 0; step < 150; step += 1) {
      await press("Tab");
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      const name = await focused();
      assert.ok(outline !== "none" || name === "", `the focus on ${name} cannot be seen`);
      if (wanted.test(name)) return;
    }
    assert.fail(`${wanted} cannot be reached`);
  };
  await press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  // A theme is chosen and stays, over pages and without a flash: the server writes it into the page.
  await page.goto("/");
  const themed = () => page.evaluate(() => document.documentElement.dataset.theme);
  await reach(/^Theme: system$/);
  await press("Enter");
  await press("Enter");
  assert.equal(await themed(), "dark");
  assert.match(await (await page.request.get("/rules")).text(), /<html lang="en" data-theme="dark">/);
  await page.reload();
  await reach(/^Theme: dark$/);
  await press("Enter");
  assert.equal(await themed(), undefined);
  await page.goto("/");
  await reach(/^Events$/);
  await press("Enter");
  await page.waitForURL("**/events");
  await reach(/^push$/);
  await press("Enter");
  await page.waitForURL(`**/events/${event}`);
  // A path is copied, a list of the payload is opened and closed.
  await reach(/^Copy data\.after$/);
  await press("Enter");
  await page.locator("#announce", { hasText: /Copied data\.after|Selected/ }).waitFor();
  await reach(/^commits/);
  const isOpen = () => page.evaluate(() => document.activeElement.parentElement.open);
  const before = await isOpen();
  await press("Enter");
  assert.equal(await isOpen(), !before);
  await page.goto(`/events/${event}`);
  await reach(/^Replay$/);
  await press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  assert.equal(await focused(), "Do nothing");
  await press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "Replay");
  await press("Enter");
  await dialog.waitFor();
  await press("Shift+Tab");
  assert.equal(await focused(), "Replay");
  await press("Enter");
  await page.getByText("1 execution scheduled").waitFor();
  // The search is one key away, and finds an event by its id.
  await page.locator("h1").first().click();
  await press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "q");
  await page.keyboard.type(event);
  await Promise.all([page.waitForEvent("load"), press("Enter")]);
  assert.ok(page.url().endsWith(`/events/${event}`));
  // Theme and times are remembered.
  await reach(/^Theme: system$/);
  await press("Enter");
  await press("Enter");
  assert.equal(await focused(), "Theme: dark");
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});
