/**
 * A platform on a definition file, as a user's own program would open it: runs from the sources here, and copied
 * beside an installed package there.
 *
 *   definition-server.ts <definition file> <data folder>
 */
import { loadConfig, openPlatform } from "strata/testing";
import { serveCommands } from "./server-commands.ts";

const [definition = "", dataDir = ""] = process.argv.slice(2);
const { config } = loadConfig({ environment: {}, flags: { definition, dataDir, port: 0, logLevel: "error" } });
const platform = await openPlatform({ definition, config, logSink: ({ level, message }) => console.error(`${level}: ${message}`) });

serveCommands({ url: platform.url, commands: {}, close: () => platform.close() });
