// Where the mock is, and where Make's packages are; both come from the environment.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const { MAKE_ZONE: zone, MAKE_API_KEY: token, PILOTAGE_MAKE_MODULES: modules } = process.env;

const require = createRequire(join(modules, "here.js"));

/** A module of a package, by the name that the package exports. */
export const load = (name) => import(pathToFileURL(require.resolve(join(modules, name))).href);

/** Ends the run: what was wrong goes to the error output, and the code says that it was. */
export function report(what, walked, wrong) {
  for (const line of wrong) console.error(line);
  console.log(JSON.stringify({ [what]: walked, wrong: wrong.length }));
  process.exit(wrong.length === 0 ? 0 : 1);
}
