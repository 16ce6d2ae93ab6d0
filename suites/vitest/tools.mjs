// Calls tools over streamable HTTP, as the protocol of 2026-07-28 has it: one message, one answer, no session.

const VERSION = "2026-07-28";
const url = `${process.env.PILOTAGE_URL}/mcp`;
let last = 0;

async function ask(method, params, name) {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "suite", version: "1" },
  };
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
    "mcp-method": method,
  };
  if (name) headers["mcp-name"] = name;
  last += 1;
  const id = last;
  const message = { jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
  const text = await answer.text();
  const events = text.split("\n").filter((line) => line.startsWith("data:"));
  const told = JSON.parse(events.length > 0 ? events.at(-1).slice(5) : text);
  if (told.id !== id) throw new Error(`an answer to something else: ${text}`);
  return told;
}

// The names of all tools.
export async function tools() {
  const names = [];
  let cursor;
  do {
    const { result } = await ask("tools/list", cursor ? { cursor } : {});
    names.push(...result.tools.map((tool) => tool.name));
    cursor = result.nextCursor;
  } while (cursor);
  return names;
}

// The result of a call, however it went.
export async function call(name, given = {}) {
  const told = await ask("tools/call", { name, arguments: given }, name);
  return told.result ?? told;
}

// The structured content of a call that went well.
export async function done(name, given) {
  const result = await call(name, given);
  if (result.isError || result.error) throw new Error(`${name}: ${JSON.stringify(result)}`);
  return result.structuredContent;
}

// What the mock of Make was asked.
export async function calls() {
  const answer = await fetch(`${process.env.MOCK_URL}/__mock/calls`);
  return (await answer.json()).calls;
}
