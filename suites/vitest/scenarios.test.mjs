import { describe, expect, it } from "vitest";

import { call, calls, done, tools } from "./tools.mjs";

const TEAM = 5;

describe("scenarios", () => {
  it("are among the tools that are offered", async () => {
    const names = await tools();
    expect(names).toEqual(expect.arrayContaining(["create-scenario", "list-scenarios", "update-scenario", "delete-scenario"]));
    expect(new Set(names).size).toBe(names.length);
  });

  it("are created at Make, under the name that was given", async () => {
    const created = await done("create-scenario", { name: "Orders of Ada", teamId: TEAM });
    expect(created.success).toBe(true);
    const shown = await done("get-scenario", { scenarioId: created.scenario_id });
    expect(shown.scenario).toMatchObject({ name: "Orders of Ada", teamId: TEAM });
    const sent = (await calls()).filter((one) => one.method === "POST" && one.path === "/api/v2/scenarios");
    expect(sent.map((one) => one.status)).toEqual([200]);
  });

  it("live until they are deleted, and every change is seen", async () => {
    const { scenario_id: scenarioId } = await done("create-scenario", { name: "Short life", teamId: TEAM });
    await done("update-scenario", { scenarioId, name: "Longer life" });
    expect((await done("get-scenario", { scenarioId })).scenario.name).toBe("Longer life");
    const listed = await done("list-scenarios", { teamId: TEAM });
    expect(listed.scenarios.map((one) => one.name)).toContain("Longer life");
    await done("delete-scenario", { scenarioId });
    const gone = await call("get-scenario", { scenarioId });
    expect(gone.isError).toBe(true);
    const left = await done("list-scenarios", { teamId: TEAM });
    expect(left.scenarios.map((one) => one.id)).not.toContain(scenarioId);
  });

  it("run with input, and what comes out is handed over", async () => {
    const ran = await done("run-scenario", { scenarioId: 925, data: { name: "Ada" }, responsive: true });
    expect(JSON.stringify(ran)).toContain("Ada");
  });

  it("are switched on and off", async () => {
    await done("stop-scenario", { scenarioId: 926 });
    expect((await done("get-scenario", { scenarioId: 926 })).scenario.isActive).toBe(false);
    await done("start-scenario", { scenarioId: 926 });
    expect((await done("get-scenario", { scenarioId: 926 })).scenario.isActive).toBe(true);
  });

  it.each([
    [{ teamId: TEAM }, "name is required"],
    [{ name: "x", nmae: "y", teamId: TEAM }, "nmae"],
    [{ name: 7, teamId: TEAM }, "name"],
  ])("are not created from %j", async (given, word) => {
    const before = (await calls()).length;
    const result = await call("create-scenario", given);
    expect(JSON.stringify(result)).toContain(word);
    expect(result.structuredContent?.success).not.toBe(true);
    expect((await calls()).length).toBe(before);
  });

  it("change nothing on a dry run", async () => {
    const before = (await done("list-scenarios", { teamId: TEAM })).scenarios.length;
    await done("create-scenario", { name: "Not yet", teamId: TEAM, dry_run: true });
    const after = (await done("list-scenarios", { teamId: TEAM })).scenarios;
    expect(after.length).toBe(before);
    expect(after.map((one) => one.name)).not.toContain("Not yet");
  });
});
