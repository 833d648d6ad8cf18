import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runStrata } from "../../../test/fake-strata-server.ts";
import { openTemporaryProject } from "../../../test/temporary-project.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { describeApplication, loadDefinition } from "../../platform/definition.ts";
import { strataVersion } from "../../platform/version.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const clock = createManualClock(Date.UTC(2026, 0, 31, 12));
const FILES = [".gitignore", "README.md", "app.ts", "events.ndjson", "package.json", "tsconfig.json"];

test("a project is written, with what to do next", async () => {
  await using project = await openTemporaryProject();
  const { code, host } = await runStrata(["init", "My Shop!"], undefined, { workingDirectory: project.folder, clock });
  assert.equal(code, 0);
  const folder = join(project.folder, "My Shop!");
  assert.deepEqual((await readdir(folder)).toSorted(), FILES);
  assert.match(host.output(), /^Wrote to My Shop!:\n {2}package\.json {3}[\d.]+ B\n {2}app\.ts {9}[\d.]+ KiB\n/);
  assert.match(host.output(), /\n {2}cd My Shop!\n {2}npm install\n {2}npx strata up\n {2}npx strata ingest deliveries events\.ndjson --backfill\n {2}npx strata train eta\n {2}npx strata predict eta courier=c-03 restaurant=r-07\n$/);
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { name: string; dependencies: unknown; devDependencies: Record<string, string> };
  assert.equal(manifest.name, "my-shop");
  assert.deepEqual(manifest.dependencies, { strata: `^${strataVersion()}` });
  const own = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { devDependencies: Record<string, string> };
  assert.equal(manifest.devDependencies["typescript"], `^${own.devDependencies["typescript"]}`, "the compiler that the template is checked with");
  assert.match(await readFile(join(folder, "README.md"), "utf8"), /^# my-shop\n[^]*`events\.ndjson` holds 4,000 made-up deliveries/);
});

test("files that are there stay, unless forced", async () => {
  await using project = await openTemporaryProject({ "app.ts": "mine" });
  const refused = await runStrata(["init", "--json"], undefined, { workingDirectory: project.folder, clock });
  assert.equal(refused.code, 1);
  assert.match(refused.host.errors(), /^error FILE_EXISTS This folder already has app\.ts\.\nnext: Choose another folder, or write over them with --force\.\n$/);
  assert.equal(await readFile(join(project.folder, "app.ts"), "utf8"), "mine");
  assert.deepEqual((await readdir(project.folder)).toSorted(), ["app.ts", "node_modules"], "nothing else was written either");
  const forced = await runStrata(["init", ".", "--force", "--json"], undefined, { workingDirectory: project.folder, clock });
  assert.equal(forced.code, 0);
  assert.deepEqual((forced.host.json() as { next: string[] }).next[0], "npm install");
});

test("the template loads and passes the compiler", async () => {
  await using project = await openTemporaryProject();
  await runStrata(["init"], undefined, { workingDirectory: project.folder, clock });
  const application = await loadDefinition(join(project.folder, "app.ts"));
  const { resources } = describeApplication(application);
  const declared = Object.entries(resources).map(([kind, named]) => [kind, Object.keys(named)] as const).filter(([, names]) => names.length > 0);
  assert.deepEqual(declared, [
    ["streams", ["deliveries"]], ["featureViews", ["courier_pace", "restaurant_load"]], ["onDemand", ["moment"]], ["models", ["eta"]], ["endpoints", ["eta"]],
  ]);
  const compiler = join(root, "node_modules", ".bin", "tsc");
  // Here the package is its sources, which need the types of Node.js; a user's are declarations.
  const compile = () => promisify(execFile)(compiler, ["-p", project.folder, "--customConditions", "source", "--types", "node", "--typeRoots", join(root, "node_modules", "@types")]);
  await compile();
  const app = await readFile(join(project.folder, "app.ts"), "utf8");
  await writeFile(join(project.folder, "app.ts"), app.replace("e.minutes.dividedBy(e.distance_km)", "e.minutes.dividedBy(e.distance)"));
  await assert.rejects(compile(), (error: { stdout: string }) => /app\.ts\(\d+,\d+\): error TS\d+: Property 'distance' does not exist/.test(error.stdout));
});

test("a folder that cannot be made says why", async () => {
  await using project = await openTemporaryProject({ "taken": "a file" });
  const { code, host } = await runStrata(["init", "taken/new"], undefined, { workingDirectory: project.folder, clock });
  assert.equal(code, 1);
  assert.match(host.errors(), /^error FILE_UNWRITABLE .*taken\/new\/package\.json cannot be written: ENOTDIR/);
});
