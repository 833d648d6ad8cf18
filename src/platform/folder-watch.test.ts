import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchFolder } from "./folder-watch.ts";

interface Watched extends AsyncDisposable {
  readonly folder: string;
  /** Does something and waits until it is noticed; fails when nobody noticed. */
  noticed(what: string, act: () => Promise<void>): Promise<void>;
  changes: number;
}

async function watched(): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), "strata-watch-"));
  await mkdir(join(folder, "views"));
  await writeFile(join(folder, "app.ts"), "0");
  const self: Watched = {
    folder, changes: 0,
    noticed: async (what, act) => {
      const before = self.changes;
      await act();
      const deadline = performance.now() + 5_000;
      while (self.changes === before) {
        assert.ok(performance.now() < deadline, `${what} was not noticed`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    [Symbol.asyncDispose]: async () => {
      watcher[Symbol.dispose]();
      await rm(folder, { recursive: true });
    },
  };
  const watcher = watchFolder(folder, {
    files: /\.ts$/, ignored: new Set(["node_modules"]), onChange: () => { self.changes += 1; }, onError: (thrown) => assert.fail(thrown),
  });
  return self;
}

/** As editors save: beside, then in place of it. */
async function replace(path: string): Promise<void> {
  await writeFile(`${path}~`, String(Math.random()));
  await rename(`${path}~`, path);
}

test("a file that is replaced again and again is noticed each time, and so is one written in place", async () => {
  await using project = await watched();
  const path = join(project.folder, "app.ts");
  for (let time = 1; time <= 3; time++) await project.noticed(`replacement ${time}`, () => replace(path));
  await project.noticed("writing in place", () => writeFile(path, "in place"));
  await project.noticed("replacement after that", () => replace(path));
});

test("folders below are watched: those that are there, new ones, and ones that come back", async () => {
  await using project = await watched();
  const views = join(project.folder, "views");
  await project.noticed("a file below", () => writeFile(join(views, "a.ts"), "1"));
  const fresh = join(project.folder, "fresh");
  await project.noticed("a new folder", () => mkdir(fresh));
  await project.noticed("a file in it", () => replace(join(fresh, "b.ts")));
  await project.noticed("a folder that goes", () => rm(views, { recursive: true }));
  await project.noticed("and comes back", () => mkdir(views));
  await project.noticed("with a file", () => writeFile(join(views, "a.ts"), "2"));
});

test("other files and ignored folders are no change", async () => {
  await using project = await watched();
  await writeFile(join(project.folder, "notes.txt"), "1");
  await mkdir(join(project.folder, "node_modules"));
  await writeFile(join(project.folder, "node_modules", "package.ts"), "1");
  await project.noticed("only this", () => replace(join(project.folder, "app.ts")));
  const seen = project.changes;
  assert.ok(seen <= 2, `${seen} changes for one replacement`);
});
