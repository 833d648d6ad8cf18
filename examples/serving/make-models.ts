/**
 * Trains the two versions of `urgency` with Strata's own trainer and writes them as ONNX into models/. They are in the
 * repository; run it to make them again: node --conditions=source examples/serving/make-models.ts
 */
import { writeFile } from "node:fs/promises";
import { createRandom, exportOnnx, trainGradientBoosting } from "strata/testing";
import { TICKET_FEATURES, featuresOf } from "./ticket-features.ts";
import { createTicket } from "./tickets.ts";

const VERSIONS = [{ version: 1, tickets: 300, trees: 8, leaves: 4 }, { version: 2, tickets: 3_000, trees: 24, leaves: 7 }] as const;

for (const { version, tickets, trees, leaves } of VERSIONS) {
  const random = createRandom(`tickets of version ${version}`);
  const examples = Array.from({ length: tickets }, () => createTicket(random));
  const rows = examples.map(({ text }) => featuresOf(text));
  const columns = TICKET_FEATURES.map((name, at) => ({ name, kind: "numeric" as const, values: Float64Array.from(rows, (row) => row[at]!) }));
  const label = Float64Array.from(examples, ({ isUrgent }) => Number(isUrgent));
  const { model, history } = await trainGradientBoosting({ columns, label }, { objective: "binary", trees, leaves, learningRate: 0.2, minChildSamples: 5 });
  const bytes = exportOnnx(model);
  await writeFile(new URL(`models/urgency-${version}.onnx`, import.meta.url), bytes);
  console.log(`version ${version}: ${trees} trees on ${tickets} tickets, logloss ${history.at(-1)?.trainMetric.toFixed(4)}, ${bytes.length} bytes`);
}
