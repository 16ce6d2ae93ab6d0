// What strangers send is shown as text, whatever it is, and breaks no page.
import { assert, deliver, travel, until } from "./browser.mjs";

const evil = [
  "<script>alert(1)</script>",
  "\"><img src=x onerror=alert(1)>",
  "'><svg onload=alert(1)>",
  "javascript:alert(1)",
  "</bdi></pre></main><h1>taken over</h1>",
  "{{7*7}} ${7*7} <%= 7*7 %>",
  "\u202Egnp.exe\u202C \u2066isolated\u2069 \u200F",
  "\u0000\u0007\u001b[31m",
  "Z\u0351\u036b\u0343".repeat(200),
];

await travel(async (open) => {
  const data = { ref: "refs/heads/main", title: evil, deep: {} };
  evil.forEach((text, index) => { data[text + index] = text; });
  data.huge = "1 MB of text ".repeat(80_000);
  data.many = Array.from({ length: 3_000 }, (_, index) => ({ index }));
  let at = data.deep;
  for (let depth = 0; depth < 60; depth += 1) at = at.deeper = { depth, text: evil[0] };
  const event = await deliver("push", data, evil[1].slice(0, 40));
  await deliver("issues", { title: evil });
  await until("/api/v1/stats", ({ totals }) => totals.undecided + totals.pending + totals.running === 0);
  for (const options of [{}, { viewport: { width: 360, height: 740 } }]) {
    const page = await open(options);
    const query = encodeURIComponent(evil.slice(0, 5).join(" "));
    const paths = ["/", "/events", `/events/${event}`, "/executions", `/search?q=${query}`, `/events?type=${query}`, `/executions?rule=${query}`, `/audit?actor=${query}`, `/rules/in-file?event=${query}`, `/rules?q=${query}`];
    for (const path of paths) {
      await page.goto(path);
      assert.equal(await page.locator("img, iframe, object, h1:text('taken over')").count(), 0, path);
      const scripts = await page.locator("script").evaluateAll((all) => all.map((one) => one.src));
      assert.equal(scripts.length, 1, path);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${path} sticks out by ${overflow} px`);
    }
    const answer = await page.goto(`/events/${event}`);
    const weight = (await answer.body()).length;
    assert.ok(weight < 1_000_000, `${weight} bytes`);
    await page.locator(".tree").getByText(evil[0]).first().waitFor();
    await page.getByText(/cut, .* characters in all/).first().waitFor();
    assert.ok((await page.getByText(/more not shown here/).count()) > 0);
    await page.locator("summary", { hasText: "Raw text" }).click();
    await page.getByText(/more are not shown here/).waitFor();
  }
});
