// The reference of `bench mcp`: the same tool on npm's fastmcp, stateless and with answers in JSON, which is its fastest way.
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, port] = process.argv.slice(2);
const { FastMCP } = await import(pathToFileURL(path.join(modules, "node_modules/fastmcp/dist/FastMCP.js")));
const silent = () => {};
const server = new FastMCP({
  name: "reference",
  version: "1.0.0",
  logger: { debug: silent, error: silent, info: silent, log: silent, warn: silent },
});
server.addTool({
  name: "test_simple_text",
  description: "Answers a text",
  execute: async () => "This is a simple text response for testing.",
});
await server.start({
  transportType: "httpStream",
  httpStream: { endpoint: "/mcp", host: "127.0.0.1", port: Number(port), stateless: true, enableJsonResponse: true },
});
