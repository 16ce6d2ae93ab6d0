// A rule is asked about a stored event, and disabled.
import { api, assert, deliver, push, travel, until } from "./browser.mjs";

await travel(async (open) => {
  const rule = {
    id: "watch",
    name: "Watches pushes",
    trigger: { source: "github", eventTypes: ["push"], conditions: { ref: { glob: "refs/heads/ma*" } } },
    actions: [{ type: "webhook", target: "ci" }],
  };
  await api("/api/v1/rules/watch", { method: "PUT", body: JSON.stringify(rule) });
  const event = await deliver("push", push());
  await deliver("push", push({ ref: "refs/heads/other" }));
  const page = await open();
  await page.goto("/rules");
  await page.getByRole("link", { name: "Watches pushes" }).click();
  await page.locator(".offered a").first().click();
  await page.locator("#dry-run").getByText("does not match").waitFor();
  const why = page.locator(".parts tr", { hasText: "conditions.ref" });
  await why.getByText("does not hold").waitFor();
  assert.match(await why.innerText(), /refs\/heads\/other/);
  await page.locator("#event").fill(event);
  await page.getByRole("button", { name: "Ask the rule" }).click();
  await page.locator("#dry-run .state.ok", { hasText: "matches" }).waitFor();
  assert.ok(page.url().includes(event), "the outcome can be shared");

  await page.getByRole("link", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByText("it is asked about no event from now on").waitFor();
  await page.locator("h1 + p .state", { hasText: "disabled" }).waitFor();
  const after = await deliver("push", push());
  const seen = await until(`/api/v1/events/${after}`, (seen) => seen.decision !== null);
  assert.deepEqual(seen.executions.filter((one) => one.rule === "watch"), []);
  await page.goto("/rules/in-file");
  assert.equal(await page.getByRole("link", { name: "Disable" }).count(), 0);
  await page.getByText("written in the configuration file").waitFor();
});
