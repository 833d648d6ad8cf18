/** Layer 2, data, as other layers see it. */
export type { DecodedBatch } from "./streams/decoded-batch.ts";
export { createEventDecoder } from "./streams/event-decoder.ts";
export type { EventDecoder } from "./streams/event-decoder.ts";
export { createStreamConsumer } from "./streams/stream-consumer.ts";
export type { StreamConsumer } from "./streams/stream-consumer.ts";
export { createIngestion } from "./ingestion/ingestion.ts";
export type { Ingestion } from "./ingestion/ingestion.ts";
export type { DeadLetter } from "./ingestion/dead-letter.ts";
export type { LetterChoice, ReplayOptions, ReplayResult } from "./ingestion/dead-letter-desk.ts";
export type { IngestOptions, IngestResult, IngestRow, IngestTextOptions } from "./ingestion/ingest-result.ts";
export { createFeatureEngine } from "./features/engine.ts";
export type { FeatureEngine, FeatureRead } from "./features/engine.ts";
export { createCandidateEngine } from "./candidates/candidate-engine.ts";
export type { CandidateEngine } from "./candidates/candidate-engine.ts";
export { createLake } from "./lake/lake.ts";
export type { Lake } from "./lake/lake.ts";
export type { LakeSnapshot } from "./lake/snapshot.ts";
export type { EventColumn, EventColumns } from "./lake/event-columns.ts";
