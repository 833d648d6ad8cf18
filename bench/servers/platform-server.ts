/**
 * A whole platform as a server under test, on a data folder, with the control loop and checkpoints that a real one has.
 *
 *   platform-server.ts <application> <data folder>
 */
import { loadConfig, openPlatform } from "strata/testing";
import type { Platform } from "strata/testing";
import { APPLICATIONS, isApplicationName } from "../definitions.ts";
import { serveCommands } from "./server-commands.ts";
import { importPurchases, importVisits } from "./shop-history.ts";

const [name = "", dataDir = ""] = process.argv.slice(2);
if (!isApplicationName(name) || dataDir === "") throw new Error(`usage: platform-server.ts <${Object.keys(APPLICATIONS).join("|")}> <data folder>`);
const application = APPLICATIONS[name];
const { config } = loadConfig({ environment: {}, flags: { dataDir, port: 0, logLevel: "warn" } });
let warnings = 0;
const platform: Platform = await openPlatform({
  definition: application, config,
  logSink: ({ level, message, fields }) => {
    if (warnings++ < 20) console.error(`[${name}] ${level}: ${message} ${JSON.stringify(fields)}`);
  },
});
const streams = [...application.streams.keys()];

serveCommands({
  url: platform.url,
  commands: {
    /** Where Open Inference gRPC listens, "host:port". */
    "grpc address": () => platform.grpcUrl,
    /** Waits until every acknowledged event is in the features. */
    settle: () => platform.features.fresh(streams),
    /** Events that are durable and not yet in a view, the most over all views. */
    lag: async () => Math.max(0, ...(await platform.overview()).featureViews.map(({ lagEvents }) => lagEvents)),
    /** Writes what waits for the lake. */
    flush: async () => { for (const stream of streams) await platform.lake.flush(stream); },
    /** Events stored, by stream. */
    events: async () => Object.fromEntries((await platform.overview()).streams.map((stream) => [stream.name, stream.events])),
    "import-purchases": (events) => importPurchases(platform, { events: Number(events), endMs: Date.now() }),
    "import-visits": (days) => importVisits(platform, { days: Number(days), endMs: Date.now() }),
    train: async (model) => {
      const { version, rows, elapsedMs, passed } = await platform.train(String(model));
      return { version, rows, elapsedMs, passed };
    },
  },
  close: () => platform.close(),
});
