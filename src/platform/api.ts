/** Types of what the running platform answers, for the command line. */
export type {
  DecisionOverview, EndpointOverview, ModelOverview, Overview, PerformanceOverview, RolloutOverview, StreamOverview,
} from "../protocols/admin/overview.ts";
export type { ServedModelOverview } from "../protocols/admin/serving-overview.ts";
export type { KeyOverview, LanguageModelOverview, TargetOverview } from "../protocols/admin/gateway-overview.ts";
export type { KeyDocument } from "../protocols/admin/key-routes.ts";
export type { UsageReport, UsageReportRow } from "../gateway/index.ts";
export type { LakeDocument } from "../protocols/admin/lake-routes.ts";
export type { SqlSummary } from "../protocols/admin/sql-routes.ts";
export type { SnapshotSummary, StreamDifference } from "../data/index.ts";
export type { FeatureReadResult, FeatureServiceResult } from "../protocols/admin/feature-read.ts";
export type { CatalogueAnswer, CatalogueShow, ViewFreshness } from "../protocols/admin/catalogue.ts";
export type { CatalogueEntry, Lineage, LineageNode } from "../data/index.ts";
export type { VectorIndexSummary, VectorSearchResult } from "../protocols/admin/vector-desk.ts";
export type { LearnedIndex, SnapshotDescription as VectorSnapshot } from "../data/index.ts";
export type { TrainingProgress } from "../protocols/admin/sources.ts";
export type { Decision, Evidence, ModelVersion, Run, RolloutState, TrainingReport } from "../modelops/index.ts";
export type { Answer, ExplainedRequest, ShadowReport, TrafficView } from "../serving/index.ts";
export type { LogLine } from "../observe/index.ts";
export type { ResourceChange } from "../define/index.ts";
export type { DeadLetter } from "../data/ingestion/dead-letter.ts";
export type { DeadLetterPage, ReplayResult } from "../data/ingestion/dead-letter-desk.ts";
export type { IngestResult } from "../data/ingestion/ingest-result.ts";
export type { CheckReport, StreamProfile } from "./quality-layer.ts";
export type { QualityHistory, QualityList } from "../protocols/admin/quality-routes.ts";
export type { ColumnSummary, DataContract, PastVerdict, QualityState, RuleVerdict } from "../data/index.ts";
export type { StreamStanding } from "../protocols/admin/stream-routes.ts";
export type { Operation, ReplayReport, SchemaJudgement, StoredSchema } from "../data/index.ts";
