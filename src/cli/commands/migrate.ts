/** `strata migrate`: move what the engines hold from one profile to another, and prove that both hold the same. */
import { join, resolve } from "node:path";
import { migrateEngines, type MigrationReport } from "../../platform/migration/migrate.ts";
import { loadProfile } from "../../platform/profile.ts";
import { CONFIG_OPTIONS, profilePlace, readConfig } from "../config-options.ts";
import { defineCommand } from "../command.ts";
import { formatCount } from "../terminal/format.ts";

/** The profile that names no servers. */
const EMBEDDED = "embedded";

type Comparison = MigrationReport["comparisons"][number];

export const command = defineCommand({
  name: "migrate",
  summary: "Copy all data to the engines of another profile and prove it equal",
  description: "Copies logs (records with ids, times and offsets), tables, blobs, checkpoints and the ledger from the engines in use to those of --to, or back with --to embedded. Stop Strata first. Then both sides are read again and held against each other: counts and SHA-256 per log, table and store; exit status 1 on any difference. The source is only read; a copy that was interrupted goes on where it ended. Online features and limits are built anew; the lake's files stay in the data folder.",
  options: {
    ...CONFIG_OPTIONS,
    to: { type: "string", placeholder: "name", required: true, description: "Target: a name in strata.profile.json, a JSON file, or `embedded`" },
  },
  examples: [
    { command: "strata migrate --to production", note: "from the data folder to the servers of a profile" },
    { command: "strata migrate --profile production --to embedded", note: "and back: what the folder has already is not copied again" },
    { command: "strata migrate --to production --json", note: "the comparison for scripts" },
  ],
  run: async (context): Promise<MigrationReport> => {
    const { options, environment, workingDirectory, terminal, signal } = context;
    const config = readConfig(context);
    const place = profilePlace(options.to === EMBEDDED ? "" : options.to, (path) => resolve(workingDirectory, path));
    let bar: { readonly what: string; readonly shown: ReturnType<typeof terminal.progress> } | undefined;
    const onProgress = (what: string, done: number, total: number): void => {
      if (bar?.what !== what) {
        bar?.shown[Symbol.dispose]();
        bar = { what, shown: terminal.progress({ label: what }) };
      }
      bar.shown.update(done, total);
    };
    try {
      return await migrateEngines({
        dataDir: config.dataDir, ledgerFile: config.ledgerFile === "" ? join(config.dataDir, "ledger.db") : config.ledgerFile, segmentBytes: config.segmentBytes,
        from: loadProfile(config.profile, environment), to: loadProfile(place, environment), environment, signal, onProgress,
        logger: { log: (level, message) => { if (level === "warn" || level === "error") terminal.warn(message); } },
      });
    } finally {
      bar?.shown[Symbol.dispose]();
    }
  },
  exitCode: ({ equal }) => (equal ? 0 : 1),
  render: ({ moved, comparisons, equal }, { terminal }) => {
    for (const { engine, from, to } of moved) terminal.print(`${engine}: ${from} → ${to}`);
    terminal.print("");
    terminal.table<Comparison>([
      { title: "kind", value: ({ kind }) => kind },
      { title: "name", value: ({ name }) => name },
      { title: "source", value: ({ source }) => String(source.count), align: "right" },
      { title: "target", value: ({ target }) => String(target.count), align: "right" },
      { title: "source sha-256", value: ({ source }) => source.sha256.slice(0, 16) },
      { title: "target sha-256", value: ({ target }) => target.sha256.slice(0, 16) },
      { title: "", value: (comparison) => (comparison.equal ? "equal" : "DIFFERENT") },
    ], comparisons);
    const different = comparisons.filter((comparison) => !comparison.equal).length;
    if (equal) terminal.success(`${formatCount(comparisons.length, "comparison")}, all equal`);
    else terminal.warn(`${different} of ${formatCount(comparisons.length, "comparison")} differ: do not use the target; run it again, or look who else writes there`);
  },
});
