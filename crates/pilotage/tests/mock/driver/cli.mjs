// Walks every command of Make's CLI, each as a process of its own, as people run it.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { load, modules, report } from "./place.mjs";
import { faults } from "./shape.mjs";
import { steps } from "./steps.mjs";

const { MakeTools } = await load("@makehq/sdk/dist/tools.js");
const run = promisify(execFile);
const program = join(modules, "@makehq/cli/dist/index.js");
const wrong = [];
const context = {};
let walked = 0;

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** `--name value` as the CLI takes it: flags for what is true, JSON for what has parts. */
function options(args) {
  return Object.entries(args).flatMap(([name, value]) => {
    if (value === true) return [`--${kebab(name)}`];
    if (value === false || value === undefined) return [];
    return [`--${kebab(name)}=${typeof value === "object" ? JSON.stringify(value) : value}`];
  });
}

/** The CLI prints JSON, or the plain text that a tool answered. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text.trimEnd();
  }
}

for (const [name, args, shape, keep] of steps) {
  const tool = MakeTools.find((tool) => tool.name === name);
  const action = name.slice(tool.category.length + 1).replace(/_/g, "-");
  try {
    const { stdout } = await run(process.execPath, [program, tool.category, action, ...options(args(context))]);
    const answer = parse(stdout);
    if (keep) context[keep] = answer;
    // A text that is JSON itself is printed as it is, and so cannot be told from the JSON of an object.
    const plain = typeof shape === "function" && typeof answer !== "string" ? stdout.trimEnd() : answer;
    const first = faults(shape, answer, name);
    wrong.push(...(first.length > 0 && plain !== answer ? faults(shape, plain, name) : first));
  } catch (error) {
    wrong.push(`${name}: ${error.stderr || error.message}`);
  }
  walked += 1;
}
const { version } = createRequire(import.meta.url)(`${modules}/@makehq/cli/package.json`);
report("cli", { version, commands: walked }, wrong);
