// Tells Pilotage what Jest does, one line of JSON for each event, as it happens. It works with Jest from 27 on and needs
// nothing besides. What the lines mean stands in `transcript.rs` of pilotage-core.

const { openSync, writeSync } = require("node:fs");
const { relative, sep } = require("node:path");

const MOST_LETTERS = 12_000;
const asksForTests = process.env.PILOTAGE_TEST_MODE === "tests";
const report = openSync(process.env.PILOTAGE_TEST_REPORT, "w");

function tell(event, fields = {}) {
  writeSync(report, JSON.stringify({ event, ...fields }) + "\n");
}

function cut(text) {
  const whole = String(text ?? "").replace(/\u001b\[[0-9;]*m/g, "");
  if (whole.length <= MOST_LETTERS) return whole;
  return `${whole.slice(0, MOST_LETTERS / 2)}\n[…]\n${whole.slice(-MOST_LETTERS / 2)}`;
}

const fileOf = (path) => relative(process.cwd(), path).split(sep).join("/");

// Why attempts before the last failed; Jest tells that only where it is asked to.
function earlier(test) {
  const failed = (test.invocations ?? 1) - 1;
  const reasons = (test.retryReasons ?? []).map(cut);
  return Array.from({ length: failed }, (_, at) => reasons[at] ?? "this attempt failed; Jest does not say why");
}

module.exports = class Reporter {
  onRunStart() {
    tell("begin", { run: process.env.PILOTAGE_TEST_RUN });
    this.last = performance.now();
  }

  onTestFileStart(test) {
    tell("file", { file: fileOf(test.path), tests: null });
  }

  onTestCaseStart(test, started) {
    tell("start", { file: fileOf(test.path), id: started.fullName });
  }

  onTestFileResult(test, result) {
    const file = fileOf(test.path);
    const ids = asksForTests ? result.testResults.map((one) => one.fullName) : [];
    tell("file", { file, tests: result.testResults.length, ids });
    for (const one of result.testResults) {
      const outcome = one.status === "failed" ? "failed" : one.status === "passed" ? "passed" : "skipped";
      tell("test", {
        file,
        id: one.fullName,
        name: [...one.ancestorTitles, one.title].join(" > "),
        outcome,
        seconds: (one.duration ?? 0) / 1000,
        message: cut(one.failureMessages.join("\n")),
        earlier: outcome === "passed" ? earlier(one) : [],
      });
    }
    if (result.testExecError) tell("error", { file, message: cut(result.failureMessage || result.testExecError.message) });
    const now = performance.now();
    tell("done", { file, seconds: (now - this.last) / 1000 });
    this.last = now;
  }

  onRunComplete(_contexts, results) {
    if (results.runExecError) tell("error", { file: null, message: cut(results.runExecError.message) });
    if (!results.wasInterrupted) tell("end");
  }
};
