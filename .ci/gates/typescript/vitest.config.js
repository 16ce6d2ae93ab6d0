import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@zod/source"] },
  ssr: { resolve: { conditions: ["@zod/source"] } },
  test: {
    include: ["src/v4/core/**/*.test.ts", "src/v4/mini/**/*.test.ts"],
    reporters: ["default", "junit"],
    outputFile: { junit: "junit.xml" },
    coverage: { enabled: true, include: ["src/v4/core/*.ts", "src/v4/mini/*.ts"], reporter: ["lcovonly", "json-summary"] },
  },
});
