import { createRandom, createReplayClock, loadConfig, openPlatform } from "strata/testing";
import application from "./storefront/app.ts";
import { transactionsWorld, simulatedWorld } from "./storefront/demo-world.ts";
import { mkdtempSync } from "node:fs";
const world = process.argv[2] ? await transactionsWorld(process.argv[2]) : simulatedWorld(createRandom(1), Date.UTC(2026,0,5));
const clock = createReplayClock(world.startMs);
const { config } = loadConfig({ environment: {}, flags: { dataDir: mkdtempSync("/tmp/strata-t-"), port: 0, logLevel: "warn" } });
const platform = await openPlatform({ definition: application, config, clock, runsControlLoop: false });
let c0 = process.cpuUsage();
const lap = (what: string) => { const c = process.cpuUsage(c0); console.log(what, "cpu s", ((c.user + c.system) / 1e6).toFixed(2)); c0 = process.cpuUsage(); };
for await (const b of world.history(() => {})) { clock.set(b.untilMs); for (const [s, rows] of [["purchases", b.purchases], ["clicks", b.clicks]] as const) await platform.ingestion.ingestRows(s, rows.map((row) => ({ row })), { backfill: true }); }
await platform.features.fresh(["purchases", "clicks"]);
lap("import");
let stage = "";
const r = await platform.train("ranker", { onProgress: (p) => { const s = p.stage + (p.stage === "training set" ? " " + p.detail : ""); if (s !== stage) { lap(stage); stage = s; } } });
lap(stage);
console.log(r.rows, r.groups, r.trees, r.elapsedMs, r.quality.slice(0, 4));
await platform.close();
