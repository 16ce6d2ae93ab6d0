// Tells Pilotage what Vitest does, one line of JSON for each event, as it happens. It works with Vitest from 3 on and needs
// nothing besides. What the lines mean stands in `transcript.rs` of pilotage-core.

import { openSync, writeSync } from "node:fs";
import { relative, sep } from "node:path";

const MOST_LETTERS = 12_000;
const asksForTests = process.env.PILOTAGE_TEST_MODE === "tests";
const report = openSync(process.env.PILOTAGE_TEST_REPORT, "w");

function tell(event, fields = {}) {
  writeSync(report, JSON.stringify({ event, ...fields }) + "\n");
}

function cut(text) {
  const whole = String(text ?? "");
  if (whole.length <= MOST_LETTERS) return whole;
  return `${whole.slice(0, MOST_LETTERS / 2)}\n[…]\n${whole.slice(-MOST_LETTERS / 2)}`;
}

const plain = (text) => text.replace(/\u001b\[[0-9;]*m/g, "");

// The stack of a test that took too long is that of its definition, and says nothing of why.
function text(error) {
  const { message, stack } = error;
  if (!stack || !message || stack.includes(message)) return stack || message || String(error);
  return `${message}\n${stack.replace(/^.*STACK_TRACE_ERROR\n/, "")}`;
}

const said = (errors) => cut(plain((errors ?? []).map(text).join("\n")));
const fileOf = (module) => relative(process.cwd(), module.moduleId).split(sep).join("/");

export default class Reporter {
  onInit(vitest) {
    // A part of a suite cannot meet what is asked of the whole; that is judged when everything is merged.
    if (process.env.PILOTAGE_TEST_COVERAGE && vitest?.config?.coverage) {
      delete vitest.config.coverage.thresholds;
      delete vitest.coverageProvider?.options?.thresholds;
    }
    tell("begin", { run: process.env.PILOTAGE_TEST_RUN });
    this.last = performance.now();
  }

  onTestModuleQueued(module) {
    tell("file", { file: fileOf(module), tests: null });
  }

  onTestModuleCollected(module) {
    const ids = Array.from(module.children.allTests(), (test) => test.fullName);
    tell("file", { file: fileOf(module), tests: ids.length, ids: asksForTests ? ids : [] });
  }

  onTestCaseReady(test) {
    tell("start", { file: fileOf(test.module), id: test.fullName });
  }

  onTestCaseResult(test) {
    const result = test.result();
    const failed = result.state === "failed";
    const errors = said(result.errors);
    const outcome = failed ? "failed" : result.state === "passed" ? "passed" : "skipped";
    tell("test", {
      file: fileOf(test.module),
      id: test.fullName,
      name: test.fullName,
      outcome,
      seconds: (test.diagnostic()?.duration ?? 0) / 1000,
      message: failed ? errors : (result.note ?? ""),
      // What passed in the end and has errors did not pass at once.
      earlier: outcome === "passed" && errors ? [errors] : [],
    });
  }

  onTestModuleEnd(module) {
    const file = fileOf(module);
    const errors = module.errors();
    if (errors.length > 0) tell("error", { file, message: said(errors) });
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) tell("error", { file, message: `${suite.fullName}: ${said(suite.errors())}` });
    }
    const now = performance.now();
    tell("done", { file, seconds: (now - this.last) / 1000 });
    this.last = now;
  }

  onTestRunEnd(_modules, errors, reason) {
    for (const error of errors) tell("error", { file: null, message: said([error]) });
    if (reason !== "interrupted") tell("end");
  }
}
