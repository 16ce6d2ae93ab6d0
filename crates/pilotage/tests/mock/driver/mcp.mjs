// Lists and runs scenarios with Make's earlier MCP server, over stdio, as an agent's client would.
import { join } from "node:path";
import { load, modules, report, token, zone } from "./place.mjs";

const { Client } = await load("@modelcontextprotocol/sdk/dist/esm/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/dist/esm/client/stdio.js");

const transport = new StdioClientTransport({
  command: process.execPath,
  args: [join(modules, "@makehq/mcp-server/build/index.js")],
  env: { ...process.env, MAKE_ZONE: zone, MAKE_API_KEY: token },
});
const client = new Client({ name: "driver", version: "1.0.0" });
await client.connect(transport);
const wrong = [];
const { tools } = await client.listTools();
if (!tools.some((tool) => tool.name === "run_scenario_925")) wrong.push(`no tool for scenario 925: ${JSON.stringify(tools)}`);
const answer = await client.callTool({ name: "run_scenario_925", arguments: { name: "Ada" } });
if (!JSON.stringify(answer.content).includes("Hello, Ada!")) wrong.push(`run: ${JSON.stringify(answer)}`);
await client.close();
report("mcp", { tools: tools.length }, wrong);
