/** A platform with derived streams in a process that can be killed: prints its address when it serves. */
import { loadConfig, openPlatform } from "strata/testing";
import application from "./shop-app.ts";

const [dataDir] = process.argv.slice(2);
const { config } = loadConfig({ environment: {}, flags: { dataDir, port: 0, listeners: 1, logLevel: "error", checkpointSeconds: 0.3, segmentBytes: 2 * 1024 * 1024 } });
const platform = await openPlatform({ definition: application, config, runsControlLoop: false });
process.stdout.write(`${platform.url}\n`);
