// Walks every tool of Make's SDK, and then every method that no tool reaches.
import { createRequire } from "node:module";
import { load, modules, report, token, zone } from "./place.mjs";
import { faults } from "./shape.mjs";
import { steps } from "./steps.mjs";

const { Make } = await load("@makehq/sdk/dist/index.js");
const { MakeTools } = await load("@makehq/sdk/dist/tools.js");
const make = new Make(token, zone);
const wrong = [];

/** Every method of every endpoint, wrapped so that calls are counted. */
const methods = new Map();
function watch(holder, path) {
  for (const [name, endpoint] of Object.entries(holder)) {
    if (endpoint === null || typeof endpoint !== "object" || Object.getPrototypeOf(endpoint) === Array.prototype) continue;
    const prototype = Object.getPrototypeOf(endpoint);
    const own = prototype === Object.prototype ? [] : Object.getOwnPropertyNames(prototype);
    for (const method of own.filter((method) => method !== "constructor")) {
      const full = `${path}${name}.${method}`;
      methods.set(full, 0);
      const original = endpoint[method];
      endpoint[method] = function (...args) {
        methods.set(full, methods.get(full) + 1);
        return original.apply(endpoint, args);
      };
    }
    watch(endpoint, `${path}${name}.`);
  }
}
watch(make, "");

const context = {};
for (const [name, args, shape, keep] of steps) {
  const tool = MakeTools.find((tool) => tool.name === name);
  try {
    const answer = await tool.execute(make, args(context));
    if (keep) context[keep] = answer;
    wrong.push(...faults(shape, answer, name));
  } catch (error) {
    wrong.push(`${name}: ${error.message}`);
  }
}
const walked = new Set(steps.map(([name]) => name));
wrong.push(...MakeTools.filter((tool) => !walked.has(tool.name)).map((tool) => `${tool.name}: not walked`));

/** What only the SDK itself offers: a path to a method, its arguments, and the shape. */
const d = "a07e16f2ad134bf49cf83a00aa95c0a5";
const rest = [
  ["blueprints.versions", [925], [{ created: "string", version: "number", scenarioId: "number", draft: "boolean" }]],
  ["scenarios.listInOrganization", [5, { pg: { limit: 2, sortBy: "name", sortDir: "asc" } }], (list) => list.length === 2],
  ["scenarios.list", [5, { cols: ["id"] }], (list) => list.every((one) => Object.keys(one).join() === "id")],
  ["scenarios.getInterface", [925], { input: "array", output: "array" }],
  ["scenarios.interface", [925], { input: "array", output: "array" }],
  ["keys.update", [1, { name: "Renamed" }], { id: "number", name: "string", typeName: "string", teamId: "number" }],
  ["functions.check", [5, "function broken( {"], { success: (ok) => ok === false, error: "string" }],
  ["hooks.rename", [12, "Renamed"], { id: "number", name: (name) => name === "Renamed" }],
  ["hooks.ping", [12], { address: "string", attached: "boolean", learning: "boolean", gone: "boolean" }],
  ["hooks.disable", [12], "any"],
  ["hooks.enable", [12], "any"],
  ["hooks.learnStart", [12], "any"],
  ["hooks.learnStop", [12], "any"],
  ["incompleteExecutions.update", [d, { failer: 2, blueprint: { name: "x", flow: [], metadata: {} } }], { failer: "number", blueprint: { flow: "array" } }],
  ["incompleteExecutions.bundle", [d], { 1: "object" }],
  ["incompleteExecutions.retryMultiple", [926, { ids: [] }], "any"],
  ["incompleteExecutions.retry", [d], "any"],
  ["keys.types", [], [{ name: "string", label: "string", parameters: "array", componentType: "string", author: "string", version: "string", theme: "string", icon: "string" }]],
  ["connections.rename", [2, "Shop 2"], { id: "number", name: (name) => name === "Shop 2" }],
  ["connections.update", [2, { data: { url: "https://example.com" } }], "boolean"],
  ["connections.scoped", [2, ["a"]], (scoped) => scoped === false],
  ["connections.listEditableParameters", [2], ["string"]],
  ["dataStructures.clone", [178, { name: "Copy", targetTeamId: 6 }], { id: "number", name: (name) => name === "Copy", teamId: (id) => id === 6, spec: "array", strict: "boolean" }],
  ["functions.update", [2, { code: "function twice(n) { return n + n; }" }], { id: "number" }],
  ["functions.history", [5, 2], [{ id: "number", previousCode: "string?", updatedAt: "string", updatedBy: "object" }]],
  ["users.currentAuthorization", [], { authUsed: (used) => used === "token", scope: ["string"] }],
  ["credentialRequests.create", [{ name: "Direct", teamId: 5, provider: { providerMakeUserId: 1 }, keys: [{ type: "basicauth", appName: "http", appVersion: "3", appModules: [] }] }], { id: "string", teamId: "number" }],
];
const [asked] = await make.credentialRequests.list(5);
rest.push(["credentialRequests.get", [asked.id], { id: "string", status: "string" }]);
for (const [path, args, shape] of rest) {
  const names = path.split(".");
  const method = names.pop();
  const endpoint = names.reduce((holder, name) => holder[name], make);
  try {
    wrong.push(...faults(shape, await endpoint[method](...args), path));
  } catch (error) {
    wrong.push(`${path}: ${error.message}`);
  }
}
wrong.push(...(await errors()));

/** Make's errors arrive as such, with the texts that people search for. */
async function errors() {
  const cases = [
    ["a scenario that is not there", () => make.scenarios.get(1), 404, "Not Found"],
    ["a team that is not there", () => make.scenarios.list(99), 403, "Access denied."],
    ["a body that lacks something", () => make.keys.create({ teamId: 5 }), 400, "Missing value of required parameter 'name'."],
    ["a scenario that is off", () => make.scenarios.run(927), 400, "Scenario is not activated"],
    ["a token that is not known", () => new Make("11111111-1111-4111-8111-111111111111", zone).users.me(), 401, "Invalid token header"],
    ["a token without the scope", () => new Make("7f3e1b52-64a8-4c0d-9e27-b15d8f6a3c49", zone).keys.list(5), 403, "keys:read"],
  ];
  const wrong = [];
  for (const [what, call, status, text] of cases) {
    const error = await call().then(() => undefined, (error) => error);
    const fits = error?.statusCode === status && error.message.includes(text);
    if (!fits) wrong.push(`${what}: ${error?.statusCode} ${error?.message}`);
  }
  return wrong;
}

const never = [...methods].filter(([, count]) => count === 0).map(([name]) => `${name}: never called`);
const { version } = createRequire(import.meta.url)(`${modules}/@makehq/sdk/package.json`);
report("sdk", { version, tools: walked.size, methods: methods.size - never.length }, [...wrong, ...never]);
