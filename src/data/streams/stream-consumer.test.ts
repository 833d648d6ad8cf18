import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW_MS, lines, openIngestionKit, order } from "../../../test/bad-input/ingestion-kit.ts";
import type { IngestionKit } from "../../../test/bad-input/ingestion-kit.ts";
import type { DecodedBatch } from "./decoded-batch.ts";
import { createStreamConsumer } from "./stream-consumer.ts";
import type { StreamConsumer, StreamConsumerOptions } from "./stream-consumer.ts";

const send = (kit: IngestionKit, count: number) =>
  kit.ingestion.ingestText("orders", lines(...Array.from({ length: count }, (_, n) => order({ quantity: n + 1 }))), { format: "ndjson" });

/** Notes the offsets of what it handles. */
function follow(kit: IngestionKit, options: Partial<StreamConsumerOptions> = {}): StreamConsumer & { readonly handled: number[] } {
  const handled: number[] = [];
  const handle = (batch: DecodedBatch): void => handled.push(...batch.rows.map((_, n) => batch.baseOffset + n)) as unknown as undefined;
  return Object.assign(createStreamConsumer({ log: kit.log, decoder: kit.decoder, stream: "orders", fromOffset: 0, handle, ...options }), { handled });
}
