/**
 * The commands of `strata`, by task. A command's file is only loaded when the command runs, so that
 * `strata --help` and `strata --version` answer at once. main.test.ts holds each entry against its file.
 */
import type { Command } from "./command.ts";

/** In the order of a first day with Strata; `strata --help` shows only groups that have commands. */
export const COMMAND_GROUPS = ["Start", "Define", "Data", "Models", "Operate"] as const;

export interface CommandEntry {
  readonly name: string;
  readonly group: (typeof COMMAND_GROUPS)[number];
  /** The same line as in the command's file. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "init", group: "Start", summary: "Write a small working project: definition, events, README",
    load: async () => (await import("./commands/init.ts")).command,
  },
  {
    name: "up", group: "Start", summary: "Run everything in this process: API, features, training, serving",
    load: async () => (await import("./commands/up.ts")).command,
  },
  {
    name: "serve", group: "Start", summary: "Serve models and the language gateway in several processes on one port",
    load: async () => (await import("./commands/serve.ts")).command,
  },
  {
    name: "worker", group: "Start", summary: "Share the partitions of keyed streams with other workers",
    load: async () => (await import("./commands/worker.ts")).command,
  },
  {
    name: "demo", group: "Start", summary: "Run the whole loop once, from events to a healthy model",
    load: async () => (await import("./commands/demo.ts")).command,
  },
  {
    name: "doctor", group: "Start", summary: "Check the project, the data folder and the server",
    load: async () => (await import("./commands/doctor/doctor.ts")).command,
  },
  {
    name: "migrate", group: "Operate", summary: "Copy all data to the engines of another profile and prove it equal",
    load: async () => (await import("./commands/migrate.ts")).command,
  },
  {
    name: "config", group: "Start", summary: "Show the effective configuration and where each value came from",
    load: async () => (await import("./commands/config.ts")).command,
  },
  {
    name: "plan", group: "Define", summary: "Show what applying the definition would change on the server",
    load: async () => (await import("./commands/plan.ts")).command,
  },
  {
    name: "apply", group: "Define", summary: "Make the server run the definition",
    load: async () => (await import("./commands/apply.ts")).command,
  },
  {
    name: "ingest", group: "Data", summary: "Send events from a file to a stream, and handle dead letters",
    load: async () => (await import("./commands/ingest/ingest.ts")).command,
  },
  {
    name: "streams", group: "Data", summary: "Show streams, their watermarks, lags and schemas; replay them",
    load: async () => (await import("./commands/streams/streams.ts")).command,
  },
  {
    name: "features", group: "Data", summary: "Read online features of an entity; find, follow and audit features",
    load: async () => (await import("./commands/features.ts")).command,
  },
  {
    name: "quality", group: "Data", summary: "Judge data by expectations, profile them, verify contracts",
    load: async () => (await import("./commands/quality/quality.ts")).command,
  },
  {
    name: "sql", group: "Data", summary: "Ask the streams in SQL, now or as of a snapshot or a time",
    load: async () => (await import("./commands/sql/sql.ts")).command,
  },
  {
    name: "lake", group: "Data", summary: "Show the lake and its cost; snapshots, restores, tiers, exports",
    load: async () => (await import("./commands/lake/lake.ts")).command,
  },
  {
    name: "vectors", group: "Data", summary: "List, search and fill vector indexes; take snapshots",
    load: async () => (await import("./commands/vectors.ts")).command,
  },
  {
    name: "train", group: "Models", summary: "Train a model now and put it through its gates",
    load: async () => (await import("./commands/train.ts")).command,
  },
  {
    name: "models", group: "Models", summary: "List models, their versions, runs and evidence",
    load: async () => (await import("./commands/models.ts")).command,
  },
  {
    name: "rollout", group: "Models", summary: "Show rollouts and their decisions; cancel one or roll back",
    load: async () => (await import("./commands/rollout.ts")).command,
  },
  {
    name: "traffic", group: "Models", summary: "Show and move the traffic of a served model between its versions",
    load: async () => (await import("./commands/traffic.ts")).command,
  },
  {
    name: "predict", group: "Models", summary: "Ask an endpoint for a prediction",
    load: async () => (await import("./commands/predict.ts")).command,
  },
  {
    name: "keys", group: "Models", summary: "Make and manage virtual keys: budgets, limits, models",
    load: async () => (await import("./commands/keys.ts")).command,
  },
  {
    name: "usage", group: "Models", summary: "Show calls, tokens and cost of language models",
    load: async () => (await import("./commands/usage.ts")).command,
  },
  {
    name: "explain", group: "Operate", summary: "Show how recent inference requests were run, and why they took so long",
    load: async () => (await import("./commands/explain.ts")).command,
  },
  {
    name: "status", group: "Operate", summary: "Show streams, models, endpoints, serving and gateway at a glance",
    load: async () => (await import("./commands/status.ts")).command,
  },
  {
    name: "monitor", group: "Operate", summary: "Show drift per feature, performance over time, alerts and decisions",
    load: async () => (await import("./commands/monitor.ts")).command,
  },
  {
    name: "logs", group: "Operate", summary: "Show the server's recent log lines, or follow them",
    load: async () => (await import("./commands/logs.ts")).command,
  },
  {
    name: "loadtest", group: "Operate", summary: "Put load on a server: latency, throughput, breaking point, replicas",
    load: async () => (await import("./commands/loadtest/loadtest.ts")).command,
  },
  {
    name: "conformance", group: "Operate", summary: "Check that a server keeps to the Open Inference Protocol",
    load: async () => (await import("./commands/conformance/conformance.ts")).command,
  },
];
