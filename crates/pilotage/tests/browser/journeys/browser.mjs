// What every journey needs: a browser, deliveries, and eyes for what must never happen on a page.
import { createHmac, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";

const { PILOTAGE_URL, PILOTAGE_NODE_MODULES, PILOTAGE_CHROMIUM, PILOTAGE_SECRET } = process.env;
export const url = PILOTAGE_URL;
export const modules = PILOTAGE_NODE_MODULES;

/** Runs `journey` with a way to make contexts; whatever a page complains about fails it. */
export async function travel(journey) {
  const { chromium } = await import(pathToFileURL(`${modules}/playwright-core/index.mjs`));
  // In a container there is no user namespace for Chromium's sandbox; only our own server is visited.
  const browser = await chromium.launch({ executablePath: PILOTAGE_CHROMIUM, args: ["--no-sandbox"] });
  const complaints = [];
  const open = async (options = {}) => {
    const context = await browser.newContext({ baseURL: url, ...options });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("dialog", async (dialog) => { complaints.push(`a dialog of the browser: ${dialog.message()}`); await dialog.dismiss(); });
    page.on("console", (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
    });
    return page;
  };
  try {
    await journey(open);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
  }
}

/** Sends a delivery as GitHub signs it, and gives the id of its event. */
export async function deliver(event, data, delivery = randomUUID()) {
  const body = JSON.stringify(data);
  const signature = createHmac("sha256", PILOTAGE_SECRET).update(body).digest("hex");
  const answer = await fetch(`${url}/webhooks/github`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": delivery,
      "x-hub-signature-256": `sha256=${signature}`,
    },
    body,
  });
  assert.equal(answer.status, 202, await answer.clone().text());
  return (await answer.json()).eventId;
}

export async function api(path, options = {}) {
  const headers = { "content-type": "application/json", ...options.headers };
  const answer = await fetch(`${url}${path}`, { ...options, headers });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? null : answer.json();
}

/** Asks until `holds`; a deadline keeps a broken server from keeping us. */
export async function until(path, holds) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const seen = await api(path);
    if (holds(seen)) return seen;
    assert.ok(Date.now() < deadline, `waited in vain at ${path}: ${JSON.stringify(seen)}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

export const push = (more = {}) => ({
  ref: "refs/heads/main",
  after: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
  commits: [{ id: "6113728f", message: "Initial commit", author: { name: "Codertocat" } }],
  ...more,
});
export { assert };
