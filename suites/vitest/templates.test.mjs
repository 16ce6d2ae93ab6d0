import { describe, expect, it } from "vitest";

import { call, done } from "./tools.mjs";

const TEAM = 5;
const MODULES = {
  data_processing: ["webhook", "transformer", "database"],
  notification: ["webhook", "filter", "slack"],
  analytics: ["webhook", "aggregator", "dashboard"],
};

describe("templates", () => {
  it.each(Object.entries(MODULES))("%s gives its modules, in order", async (template_type, modules) => {
    const made = await done("create-scenario-from-template", { template_type, name: `From ${template_type}`, team_id: TEAM });
    expect(made.scenario_config.modules.map((part) => part.type)).toEqual(modules);
  });

  it.each(Object.keys(MODULES))("%s is found under its category", async (category) => {
    expect(JSON.stringify(await done("list-templates", { category }))).toContain(category);
  });

  it("that there are not are refused by name", async () => {
    const result = await call("create-scenario-from-template", { template_type: "magic", name: "x", team_id: TEAM });
    expect(JSON.stringify(result)).toMatch(/template_type|magic/);
    expect(result.structuredContent?.success).not.toBe(true);
  });
});
