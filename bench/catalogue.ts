/** All benches, in the order they run. */
import type { Bench } from "./bench.ts";
import { endpointBench } from "./endpoint.ts";
import { featureReadBench } from "./feature-read.ts";
import { featureServingBench } from "./feature-serving.ts";
import { freshnessBench } from "./freshness.ts";
import { ingestBench } from "./ingest.ts";
import { installBench } from "./install.ts";
import { scriptBench } from "./script-bench.ts";
import { servingBench } from "./serving.ts";
import { startBench } from "./start.ts";
import { trainingBench } from "./training-comparison.ts";

export const BENCHES: readonly Bench[] = [
  ingestBench,
  freshnessBench,
  featureReadBench,
  featureServingBench,
  endpointBench,
  servingBench,
  scriptBench({
    name: "batching", title: "Dynamic batching in process", script: "batching.ts",
    configuration: ["A function model of about 2 ms and 0.05 ms a row, batches of up to 32 rows, asked in process without HTTP; beside it the same function called directly: bench/batching.ts."],
    quickArgs: ["--requests", "20", "--seconds", "3"],
  }),
  scriptBench({
    name: "routing", title: "A replica four times slower", script: "routing.ts",
    configuration: ["Eight replicas as processes of their own, one of them four times slower, beside seven healthy ones; both fleets get the same open-loop calls at 69 % load through Strata's replica set: bench/routing.ts."],
    quickArgs: ["--seconds", "10", "--mean", "20"],
  }),
  installBench,
  startBench,
  scriptBench({
    name: "features", title: "Online features in process", script: "features.ts",
    configuration: ["Events applied to the state of a view and rows read from it by direct calls, without HTTP, log or disk: bench/features.ts."],
    quickArgs: ["--events", "100000", "--entities", "10000", "--reads", "2000"],
  }),
  scriptBench({
    name: "vectors", title: "Vectors in one thread", script: "vectors.ts", args: ["--graph-rows", "150000"],
    configuration: ["50,000 vectors of 128 numbers, clustered and uniform, 10 nearest by cosine, without and with filters that 50, 10, 1 and 0.1 % of the rows pass; and a graph over 150,000 rows, built in a second thread: bench/vectors.ts. Recall is against plain loops."],
    quickArgs: ["--rows", "5000", "--queries", "100", "--graph-rows", "5000"],
  }),
  scriptBench({
    name: "point-in-time", title: "Point-in-time join", script: "point-in-time.ts",
    configuration: ["1,000,000 labels against 10,000,000 events of 100,000 entities over a year: last value, 7-day count and 7-day sum per label, the index built from scratch: bench/point-in-time.ts."],
    quickArgs: ["--labels", "100000", "--rows", "1000000", "--entities", "10000"],
  }),
  scriptBench({
    name: "point-in-time-skewed", title: "Point-in-time join, skewed keys", script: "point-in-time.ts", args: ["--skew", "1"],
    configuration: ["The same with entities drawn by Zipf's law: the hottest of 100,000 has 8 % of all events and of all labels: bench/point-in-time.ts."],
    quickArgs: ["--labels", "100000", "--rows", "1000000", "--entities", "10000", "--skew", "1"],
  }),
  scriptBench({
    name: "online-offline", title: "Online answers computed again offline", script: "online-offline.ts",
    configuration: ["120,000 answers of every aggregation over every kind of window, read while 204,000 events arrive out of order within their lateness, and computed again by the point-in-time join; and the same events sorted: bench/online-offline.ts. A difference fails the bench."],
    quickArgs: ["--answers", "12000", "--events", "20000", "--devices", "200"],
  }),
  scriptBench({
    name: "recovery", title: "A feature view back from its checkpoint", script: "recovery.ts",
    configuration: ["A view of ten features over 5,000,000 events of 200,000 entities: its checkpoint saved to disk, loaded again, and every entity read once: bench/recovery.ts."],
    quickArgs: ["--events", "300000", "--entities", "20000"],
  }),
  scriptBench({
    name: "derivations", title: "Derived streams catching up", script: "derivations.ts",
    configuration: ["200,000 events of one stream and 20,000 of another in the log of a whole platform; a derived stream is added and makes everything there is, each event durable in its own log, while the lake follows: bench/derivations.ts."],
    quickArgs: ["--events", "20000"],
  }),
  scriptBench({
    name: "quality", title: "Expectations, checks and profiles", script: "quality.ts",
    configuration: ["300,000 events through the door of a whole platform without rules, with eight rules that look at one event, and with uniqueness and drift besides; CPU of the process until everything is durable, in the lake and judged: bench/quality.ts."],
    quickArgs: ["--events", "30000"],
  }),
  scriptBench({
    name: "lake", title: "SQL over the lake and its tiers", script: "lake.ts",
    configuration: ["2,000,000 purchases of a month in files of 100,000; SQL over HTTP about everything and about one day, with and without a condition that skips files, from the hot, warm and cold tier; bytes per event; the time to write all of it cold: bench/lake.ts."],
    quickArgs: ["--events", "100000"],
  }),
  trainingBench,
];
