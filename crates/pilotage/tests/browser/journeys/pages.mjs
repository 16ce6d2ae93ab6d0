// Every page with content in it: no violation that axe-core knows, nothing that sticks out, and pictures where asked for.
import { readFile } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { api, assert, deliver, modules, push, travel, until } from "./browser.mjs";

const looks = {
  light: { colorScheme: "light", viewport: { width: 1360, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1360, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 } },
  wide: { colorScheme: "light", viewport: { width: 2200, height: 1100 } },
};
const axe = await readFile(`${modules}/axe-core/axe.min.js`, "utf8");
const pictures = process.env.PILOTAGE_SHOTS;
if (pictures) mkdirSync(pictures, { recursive: true });

await travel(async (open) => {
  for (let count = 0; count < 4; count += 1) await deliver("push", push({ count }));
  const event = await deliver("push", push({ nested: { list: [1, "two", null, { "odd key": true }] }, text: "long ".repeat(300) }));
  await deliver("issues", { action: "opened", title: "A title" });
  await until("/api/v1/stats", ({ totals }) => totals.undecided + totals.running === 0 && totals.failed > 0);
  const failed = (await api("/api/v1/executions?status=failed")).items[0].id;
  const pages = {
    now: "/",
    events: "/events?source=github",
    event: `/events/${event}`,
    replay: `/events/${event}/replay`,
    executions: "/executions",
    execution: `/executions/${failed}`,
    retry: `/executions/${failed}/retry`,
    rules: "/rules",
    rule: `/rules/in-file?event=${event}`,
    gates: "/gates",
    pipelines: "/pipelines",
    tests: "/tests",
    deployments: "/deployments",
    audit: "/audit?kind=execution.",
    metrics: "/metrics-board",
    search: "/search?q=push",
    empty: "/events?type=none",
    missing: "/rules/none",
    login: "/login",
  };
  const found = [];
  for (const [look, options] of Object.entries(looks)) {
    const page = await open(options);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(path);
      // The script has done what it does at the start.
      if (await page.locator("#theme").count()) await page.locator("#theme:not([hidden])").waitFor();
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${look}.png`, fullPage: true });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > options.viewport.width) found.push(`${name}, ${look}: ${width} px wide`);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      for (const one of violations) {
        found.push(`${name}, ${look}: ${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
      }
    }
    // A dialog is a page too.
    await page.goto(`/executions/${failed}`);
    await page.getByRole("link", { name: "Retry" }).click();
    await page.getByRole("dialog").waitFor();
    if (pictures) await page.screenshot({ path: `${pictures}/dialog-${look}.png` });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    found.push(...violations.map((one) => `dialog, ${look}: ${one.id}: ${one.help}`));
  }
  assert.deepEqual(found, []);
});
