// One official client, unmodified: `node client.mjs MODULES PACKAGE http URL` or `... stdio PROGRAM ARGUMENT...`.
// Writes one line of JSON: what it saw of a tool that reads, one that fails, and one that changes, in a dry run.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, name, transport, target, ...rest] = process.argv.slice(2);
const { resolve } = createRequire(join(modules, "resolved-from-here.js"));
const load = (path) => import(pathToFileURL(resolve(path)).href);

const paths = {
  "@modelcontextprotocol/sdk": ["client/index.js", "client/streamableHttp.js", "client/stdio.js"],
  "@modelcontextprotocol/client": ["", "", "stdio"],
}[name];
const parts = await Promise.all(paths.map((path) => load(path ? `${name}/${path}` : name)));
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = Object.assign({}, ...parts);

const client = new Client({ name: "test", version: "1" });
await client.connect(
  transport === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args: rest, env: {} }),
);
const call = (name, args) => client.callTool({ name, arguments: args });
const { tools } = await client.listTools();
const read = await call("get-status", {});
const failed = await call("get-rule", { id: "nowhere" });
const rule = { id: "r", trigger: { source: "github" }, actions: [{ type: "webhook", target: "https://example.com/" }] };
const dry = await call("put-rule", { rule, dry_run: true });
await client.close();
console.log(
  JSON.stringify({
    tools: tools.length,
    read: read.structuredContent.totals !== undefined,
    failed: failed.isError === true,
    dry: dry.structuredContent.would,
  }),
);
