import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
  { ignores: ["*", "!src", "src/*", "!src/v4", "src/v4/*", "!src/v4/core", "!src/v4/mini"] },
  js.configs.recommended,
  typescript.configs.recommended,
);
