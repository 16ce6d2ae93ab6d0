export default { test: { testTimeout: 20_000, include: ["*.test.mjs"] } };
