// The trail is verified by the server's own check, with the script and without it, and its records are found by what they say.
import { assert, deliver, push, travel, until } from "./browser.mjs";

await travel(async (open) => {
  await deliver("push", push());
  await until("/api/v1/stats", (stats) => stats.totals.succeeded === 1);
  for (const options of [{}, { javaScriptEnabled: false }]) {
    const page = await open(options);
    await page.goto("/audit");
    await page.getByRole("button", { name: "Verify the trail" }).click();
    const verification = page.locator("#verification");
    await verification.getByText(/The trail holds: .* 1 executions/).waitFor();
    assert.match(await page.locator("#head").innerText(), /[0-9a-f]{64}/);
    await page.locator("details.filter > summary").click();
    await page.getByLabel("What was done (begins with)").fill("execution.");
    await page.getByRole("button", { name: "Show" }).click();
    await page.locator("#records tr", { hasText: "execution.finished" }).waitFor();
    assert.equal(await page.locator("#records tr", { hasText: "delivery.accepted" }).count(), 0);
    await page.locator("#records tr", { hasText: "execution.finished" }).getByRole("link").click();
    await page.getByText("Every action succeeded").waitFor();
    // Without the script both times are there, with it the other is one press away.
    const time = page.locator("#facts time").first();
    assert.equal(await time.locator(".abs").isVisible(), options.javaScriptEnabled === false);
    if (options.javaScriptEnabled !== false) {
      await page.getByRole("button", { name: "Absolute times" }).click();
      assert.ok(await time.locator(".abs").isVisible());
    }
  }
});
