import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openTemporaryProject } from "../../../test/temporary-project.ts";

const APP = `import { count, defineApplication, defineEntity, defineFeatureView, defineStream, z } from "strata";
const clicks = defineStream("clicks", { schema: z.object({ customer: z.string(), item: z.string() }), key: "customer", partitions: 3 });
const item = defineEntity("item"), customer = defineEntity("customer");
const activity = defineFeatureView("activity", { entities: [customer], from: clicks, by: (e) => ({ customer: e.customer }), features: () => ({ clicks: count() }) });
const popularity = defineFeatureView("popularity", { entities: [item], from: clicks, by: (e) => ({ item: e.item }), features: () => ({ clicks: count() }) });
export default defineApplication("shop", [activity, popularity]);
`;

test("one worker on a data folder: takes events, answers features of every partition, and again after a restart", { timeout: 60_000 }, async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  const start = async () => {
    const child = spawn(process.execPath, ["--conditions=source", resolve(import.meta.dirname, "../main.ts"), "worker", "--port", "0", "--lease", "0.5", "--json"], { cwd: project.folder, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: child.stdout }), "line") as [string];
    const { url } = JSON.parse(line) as { url: string };
    return { url, stop: async () => { child.kill("SIGTERM"); await once(child, "exit"); } };
  };
  const post = async (url: string, body: unknown) => (await fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } })).json() as Promise<Record<string, unknown>>;

  const first = await start();
  const answer = await post(`${first.url}/v1/streams/clicks/events`, Array.from({ length: 30 }, (_, at) => ({ customer: `c${at % 10}`, item: `i${at % 3}` })));
  assert.equal(answer["accepted"], 30);
  const keys = Array.from({ length: 10 }, (_, at) => ({ customer: `c${at}` }));
  assert.deepEqual((await post(`${first.url}/v1/features/activity`, { keys }))["rows"], keys.map(() => [3]));
  assert.deepEqual((await post(`${first.url}/v1/features/popularity`, { keys: [{ item: "i1" }, { item: "none" }] }))["rows"], [[10], [0]]);
  const { partitions } = await (await fetch(`${first.url}/v1/partitions`)).json() as { partitions: { unit: string; lagEvents: number }[] };
  assert.deepEqual(partitions.map(({ unit, lagEvents }) => [unit, lagEvents]), ["clicks/0", "clicks/1", "clicks/2", "clicks>popularity/0", "clicks>popularity/1", "clicks>popularity/2"].map((unit) => [unit, 0]));
  await first.stop();

  const second = await start();
  await post(`${second.url}/v1/streams/clicks/events`, { customer: "c1", item: "i1" });
  assert.deepEqual((await post(`${second.url}/v1/features/activity`, { keys }))["rows"], keys.map((_, at) => [at === 1 ? 4 : 3]));
  assert.deepEqual((await post(`${second.url}/v1/features/popularity`, { keys: [{ item: "i1" }] }))["rows"], [[11]]);
  await second.stop();
});
