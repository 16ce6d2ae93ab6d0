// Where a token is needed, people sign in with it, see what it allows, and sign out.
import { assert, deliver, push, travel, url } from "./browser.mjs";

const { PILOTAGE_VIEWER: viewer, PILOTAGE_OPERATOR: operator } = process.env;

await travel(async (open) => {
  const event = await deliver("push", push());
  for (const [token, mayReplay] of [[viewer, false], [operator, true]]) {
    const page = await open();
    await page.goto(`/events/${event}?x=1`);
    assert.equal(await page.evaluate(() => document.activeElement.id), "token");
    await page.getByLabel("Token").fill("plo_0000");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("not known here").waitFor();
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${url}/events/${event}?x=1`);
    assert.equal(await page.getByRole("link", { name: "Replay" }).count(), mayReplay ? 1 : 0);
    const [cookie] = await page.context().cookies();
    assert.ok(cookie.httpOnly && cookie.sameSite === "Strict" && !cookie.value.includes(token.slice(4)));
    assert.equal(await page.evaluate(() => document.cookie), "");
    // A link on a page of another site leads here as well, although the cookie does not come along at first.
    await page.route("http://elsewhere.example/", (route) => route.fulfill({ contentType: "text/html", body: `<a href="${url}/rules">there</a>` }));
    await page.goto("http://elsewhere.example/");
    await page.getByRole("link", { name: "there" }).click();
    await page.getByRole("heading", { name: "Rules", level: 1 }).waitFor();
    await page.goto("/");
    await deliver("star", { action: "created" });
    await page.locator("#events tr", { hasText: "star" }).first().waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    const gone = await page.goto("/");
    assert.equal(gone.status(), 401);
  }
});
