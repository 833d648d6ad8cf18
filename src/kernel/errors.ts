/**
 * Every error Strata raises, in one table: code → HTTP status, gRPC status, whose fault, whether
 * trying again can help, the sentence (with `{placeholders}` filled from `details`) and what to do next.
 * Protocol folders render a row in their own dialect; nothing else invents statuses.
 */

export type Fault = "caller" | "platform" | "dependency";

/** google.rpc.Code names used by the table. */
export type GrpcStatus =
  | "INVALID_ARGUMENT" | "NOT_FOUND" | "ALREADY_EXISTS" | "FAILED_PRECONDITION" | "RESOURCE_EXHAUSTED"
  | "DEADLINE_EXCEEDED" | "UNAVAILABLE" | "INTERNAL" | "DATA_LOSS" | "ABORTED" | "UNAUTHENTICATED"
  | "PERMISSION_DENIED" | "UNIMPLEMENTED" | "CANCELLED" | "OUT_OF_RANGE";

export interface ErrorRow {
  readonly status: number;
  readonly grpc: GrpcStatus;
  readonly fault: Fault;
  readonly retryable: boolean;
  readonly message: string;
  readonly hint: string;
}

const caller = (status: number, grpc: GrpcStatus, message: string, hint: string): ErrorRow =>
  ({ status, grpc, fault: "caller", retryable: false, message, hint });
const busy = (status: number, grpc: GrpcStatus, message: string, hint: string): ErrorRow =>
  ({ status, grpc, fault: "platform", retryable: true, message, hint });
const broken = (status: number, grpc: GrpcStatus, message: string, hint: string): ErrorRow =>
  ({ status, grpc, fault: "platform", retryable: false, message, hint });
const dependency = (status: number, grpc: GrpcStatus, message: string, hint: string): ErrorRow =>
  ({ status, grpc, fault: "dependency", retryable: true, message, hint });

export const ERRORS = {
  // kernel and process
  INTERNAL: broken(500, "INTERNAL", "An unexpected error happened: {reason}", "This is a defect in Strata; run with --verbose and report the stack."),
  ABORTED: busy(499, "CANCELLED", "{what} was cancelled before it finished.", "Start it again if the cancellation was not intended."),
  CLOSED: broken(503, "UNAVAILABLE", "{what} is closed.", "Open it again, or wait for the process to restart."),
  SERVICE_START_FAILED: broken(500, "INTERNAL", "Service {service} did not start: {reason}", "Fix the cause and start again; services started before it were stopped."),
  AGGREGATION_INVALID: caller(400, "INVALID_ARGUMENT", "A feature cannot be computed so: {reason}.", "The guide on features lists the aggregations, the windows and their parameters."),
  DURATION_INVALID: caller(400, "INVALID_ARGUMENT", "\"{value}\" is not a duration.", "Write a positive number and a unit: 250ms, 30s, 15m, 6h, 7d."),

  // configuration and command line
  CONFIG_INVALID: caller(400, "INVALID_ARGUMENT", "The configuration has {count} problem(s): {problems}", "Run `strata config` to see each value and where it came from."),
  USAGE: caller(400, "INVALID_ARGUMENT", "{reason}", "Run `{command} --help`."),
  PORT_IN_USE: caller(409, "ALREADY_EXISTS", "Port {port} is already in use.", "Stop the other process, or choose a port with --port (0 picks a free one)."),
  SERVER_UNREACHABLE: dependency(503, "UNAVAILABLE", "No Strata server answers at {url}: {reason}", "Start one with `strata up`, or give its address with --url."),
  DATA_DIR_LOCKED: caller(409, "FAILED_PRECONDITION", "The data folder {folder} is in use by process {pid}.", "Stop that process, or choose another folder with --data-dir."),
  FILE_NOT_FOUND: caller(404, "NOT_FOUND", "There is no file {path}.", "Check the path."),
  FILE_EXISTS: caller(409, "ALREADY_EXISTS", "{folder} already has {files}.", "Choose another folder, or write over them with --force."),
  FILE_UNREADABLE: caller(400, "FAILED_PRECONDITION", "{path} cannot be read: {reason}", "Check that it is a file and that you may read it."),
  FILE_UNWRITABLE: caller(400, "FAILED_PRECONDITION", "{path} cannot be written: {reason}", "Check the permissions of its folder and the free disk space."),
  FILE_INVALID: caller(400, "INVALID_ARGUMENT", "{path} is not a valid {format} file: {reason}", "Fix the file, or name the right format."),

  // definition
  DEFINITION_INVALID: caller(400, "INVALID_ARGUMENT", "The definition has {count} problem(s): {problems}", "Fix each named place; nothing was applied."),
  DEFINITION_LOAD_FAILED: caller(400, "INVALID_ARGUMENT", "The definition file {path} could not be loaded: {reason}", "The file must export an application made by defineApplication as its default export."),

  // requests in general
  REQUEST_INVALID: caller(400, "INVALID_ARGUMENT", "{reason}", "The reason says what to change; GET /v1 lists the routes, GET /v1/definition describes the endpoints."),
  BODY_INVALID: caller(400, "INVALID_ARGUMENT", "The request body is not valid {format}: {reason}", "Send a well-formed body that matches its Content-Type."),
  BODY_TOO_LARGE: caller(413, "OUT_OF_RANGE", "The request body is larger than {limitBytes} bytes.", "Split it into smaller requests."),
  MEDIA_TYPE_UNSUPPORTED: caller(415, "INVALID_ARGUMENT", "Content-Type \"{type}\" is not accepted here.", "Use one of: {accepted}."),
  CROSS_SITE_REFUSED: caller(403, "PERMISSION_DENIED", "A page of another site asked the browser for {method} {path}; only reading is allowed from there.", "Call Strata from your own server, or from a page that Strata serves."),
  ROUTE_NOT_FOUND: caller(404, "NOT_FOUND", "There is nothing at {method} {path}.", "See GET /v1 for the list of routes."),
  METHOD_NOT_ALLOWED: caller(405, "UNIMPLEMENTED", "{method} is not allowed at {path}.", "Use one of: {allowed}."),
  OVERLOADED: busy(429, "RESOURCE_EXHAUSTED", "{inFlight} requests are in flight, which is the limit.", "Wait for the time in Retry-After and send again."),
  DEADLINE_EXCEEDED: busy(504, "DEADLINE_EXCEEDED", "{what} did not finish within {timeoutMs} ms.", "Try again, or allow more time."),
  NOT_FOUND: caller(404, "NOT_FOUND", "There is no {kind} named \"{name}\".", "Known: {known}."),

  // streams and ingestion
  STREAM_NOT_FOUND: caller(404, "NOT_FOUND", "There is no stream named \"{stream}\".", "Known streams: {known}."),
  EVENT_INVALID: caller(400, "INVALID_ARGUMENT", "{count} event(s) of stream \"{stream}\" were refused and kept as dead letters.", "See `problems` of each row, fix and replay with `strata ingest dead-letters`."),
  EVENT_TOO_LATE: caller(400, "OUT_OF_RANGE", "The event's time {time} is older than the stream's allowed lateness of {latenessMs} ms.", "Send it as a backfill, or raise the stream's lateness."),
  STREAM_DERIVED: caller(409, "FAILED_PRECONDITION", "Stream \"{stream}\" is derived: only its derivation adds events to it.", "Send events to {sources}; to change what is made of them, change the definition."),
  STREAM_SCHEMA_INCOMPATIBLE: caller(409, "FAILED_PRECONDITION", "The schema of stream \"{stream}\" cannot change this way (compatibility {mode}): {problems}", "Each problem says what to change. To break with the past on purpose, set `compatibility: \"NONE\"` on the stream; nothing was applied."),
  QUOTA_EXCEEDED: busy(429, "RESOURCE_EXHAUSTED", "Producer \"{producer}\" is over its quota of {limit} {kind} per minute on stream \"{stream}\"; nothing of the request was stored.", "Wait for the time in Retry-After and send again; the same event ids are safe to repeat."),
  QUOTA_TOO_SMALL: caller(413, "OUT_OF_RANGE", "One request of {amount} {kind} is more than producer \"{producer}\" may send to stream \"{stream}\" in a minute ({limit}); nothing of it was stored.", "Split the request, or raise the stream's quota."),
  DERIVATION_DIVERGED: broken(500, "FAILED_PRECONDITION", "The derivation of stream \"{stream}\" made event {made} where its log has {stored} at offset {offset}.", "What is stored was made by another definition, or `transform` is not a pure function. Give the derivation a new name, or restore the definition; nothing was added."),
  OPERATION_NOT_FOUND: caller(404, "NOT_FOUND", "There is no operation {operation}.", "List them with `strata streams operations`."),
  OPERATION_FAILED: broken(500, "FAILED_PRECONDITION", "Operation {operation} is {state}: {reason}", "Mend the cause and start it again; what it had done stays."),
  OPERATION_REFUSED: caller(409, "FAILED_PRECONDITION", "Operation {operation} was not changed: {reason}.", "See its state with `strata streams operations`."),
  CLOUDEVENT_INVALID: caller(400, "INVALID_ARGUMENT", "Not a valid CloudEvent: {reason}", "See CloudEvents 1.0: id, source, specversion and type are required."),
  INGEST_FULL: busy(429, "RESOURCE_EXHAUSTED", "Ingestion is full: {pendingBytes} bytes wait to become durable.", "Wait for the time in Retry-After and send again; the same event ids are safe to repeat."),
  STREAM_STOPPED: busy(503, "UNAVAILABLE", "Stream \"{stream}\" takes no events since {since}: rule {rule} failed. {reason}", "Nothing was stored; keep the events and send them again. Whoever answers for the stream looks with `strata quality show`, then runs `strata quality resume {stream}`."),
  TRAINING_DATA_REFUSED: caller(422, "FAILED_PRECONDITION", "Model \"{model}\" is not trained on these data: {reason}", "Mend the data, or accept them with a reason: `strata quality resume {stream} --reason ...`; data stored until then are not judged again."),
  DEAD_LETTER_NOT_FOUND: caller(404, "NOT_FOUND", "There is no dead letter {id} in stream \"{stream}\".", "List them with `strata ingest dead-letters`."),
  EVENT_UNREADABLE: broken(500, "DATA_LOSS", "The event at offset {offset} of stream \"{stream}\" cannot be read: {reason}", "Something other than ingestion appended it; consumers of the stream stop here. Restore the log, or export the events after it and import them anew."),

  // event log
  LOG_CORRUPT: broken(500, "DATA_LOSS", "Segment {file} of log \"{log}\" is damaged at byte {position}: {reason}", "Reading stops there; records after the damage can still be read by offset. The damaged bytes are kept; restore the segment from a copy of the data folder."),
  LOG_OFFSET_GONE: caller(410, "OUT_OF_RANGE", "Offset {offset} of log \"{log}\" is no longer kept; the oldest is {oldest}.", "Start from the oldest offset, or from the lake."),
  LOG_WRITE_FAILED: broken(503, "UNAVAILABLE", "Log \"{log}\" could not make the batch durable: {reason}", "Free disk space or repair the volume. The batch was not acknowledged."),
  LOG_APPEND_UNKNOWN: broken(503, "UNAVAILABLE", "Whether log \"{log}\" holds the append is not known: {reason}", "Send the events again with the same ids: what was stored is not stored twice."),
  LOG_UNREACHABLE: dependency(503, "UNAVAILABLE", "The event log at {server} does not answer: {reason}", "Check the address and that the server runs; what was acknowledged is safe there."),
  BATCH_TOO_LARGE: caller(413, "OUT_OF_RANGE", "One append of {sizeBytes} bytes exceeds the limit of {limitBytes}.", "Append fewer records at once."),
  RECORD_TOO_LARGE: caller(413, "OUT_OF_RANGE", "A record of {sizeBytes} bytes exceeds the limit of {limitBytes}.", "Store the payload as a blob and send its address."),

  // engines behind a network
  ENGINE_UNREACHABLE: dependency(503, "UNAVAILABLE", "{engine} at {place} does not answer: {reason}", "Check the address in the profile and that the server runs; `strata doctor` asks each of them."),
  ENGINE_REFUSED: broken(503, "FAILED_PRECONDITION", "{engine} at {place} refused the request: {reason}", "Check the credentials and rights in the profile; `strata doctor` asks each of them."),

  MIGRATION_REFUSED: caller(409, "FAILED_PRECONDITION", "{what} cannot be migrated: {reason}.", "Nothing of the source was changed. Fix the cause, or name another target, and run it again: what was copied is not copied twice."),

  // relational store
  SQL_UNREACHABLE: dependency(503, "UNAVAILABLE", "The database at {place} does not answer: {reason}", "What was not committed is undone; send it again when the database is back."),
  SQL_COMMIT_UNKNOWN: broken(503, "UNAVAILABLE", "Whether the transaction was committed is not known: {reason}", "The connection broke during the commit; read what it changed before trying again."),
  SQL_CONSTRAINT: caller(409, "FAILED_PRECONDITION", "The database refused the change: {reason}", "The row conflicts with existing data; read it again and decide."),
  SQL_FAILED: broken(500, "INTERNAL", "The database statement failed: {reason}", "See the cause."),
  SQL_BUSY: busy(503, "UNAVAILABLE", "The database {file} is locked by another process.", "Try again; if it lasts, stop the other process."),
  SQL_DEADLOCK: broken(500, "INTERNAL", "A query would wait forever for the transaction it was started in.", "Inside `transaction(work)` use the transaction handed to `work` for every query."),
  SQL_CONFLICT: busy(409, "ABORTED", "The transaction lost against others that changed the same rows: {reason}", "Try again; nothing was changed."),
  SQL_MIGRATION_MISMATCH: broken(500, "FAILED_PRECONDITION", "Migration \"{migration}\" of {domain} does not fit the database: {reason}", "Never change or remove an applied migration; add a new one. Run the version of Strata that made this database, or a newer one."),

  // features and lake
  FEATURE_NOT_FOUND: caller(404, "NOT_FOUND", "There is no feature \"{feature}\".", "Known: {known}."),
  FEATURE_VIEW_NOT_FOUND: caller(404, "NOT_FOUND", "There is no feature view \"{view}\".", "Known views: {known}."),
  FEATURE_VIEW_BUILDING: busy(503, "UNAVAILABLE", "Feature view \"{view}\" is still being built from the log: {done} of {total} events.", "Try again when it is built; `strata status` shows its progress."),
  SPILL_FAILED: dependency(503, "UNAVAILABLE", "The spill file {path} could not {action}: {reason}", "Look at the disk of the data folder: it is full or failing. Until it recovers, feature state stays in memory."),
  FEATURE_HISTORY_GONE: caller(409, "FAILED_PRECONDITION", "Feature view \"{view}\" cannot be built again: neither the log of stream \"{stream}\" nor the lake has all events before offset {oldest}, and the state in service still knows them.", "The state in service is complete and goes on; where a snapshot of the lake has the events, restore it and ask again."),
  SPILL_DAMAGED: busy(503, "UNAVAILABLE", "Feature state in the spill file {path} is not what was written: {reason}", "The view is loaded again from its checkpoint and the log: ask again in a moment. Look at the disk of the data folder."),
  FEATURE_TIME_TOO_OLD: caller(400, "OUT_OF_RANGE", "Feature view \"{view}\" cannot be read at {time}: the online state is exact from {oldest} on.", "Read at a later time, or ask the training set, which reads all of the past."),
  ENTITY_KEY_INVALID: caller(400, "INVALID_ARGUMENT", "Entity key for \"{entity}\" is missing or not valid: {reason}", "Give every key of the view's entities."),
  STATE_CORRUPT: broken(500, "DATA_LOSS", "The state checkpoint {file} is damaged: {reason}", "It is rebuilt from the log at the next start."),
  LAKE_FILE_DAMAGED: broken(500, "DATA_LOSS", "File {file} of stream \"{stream}\" in the lake (offsets {fromOffset} to {toOffset}) is damaged: {reason}", "Put the file back from a backup of the data folder, then run `strata lake verify`. Questions about times that the file does not hold are still answered."),
  LAKE_QUERY_FAILED: broken(500, "INTERNAL", "The lake query failed: {reason}", "See the cause."),
  VECTOR_INDEX_NOT_FOUND: caller(404, "NOT_FOUND", "There is no vector index \"{index}\".", "Known: {known}."),
  VECTOR_INDEX_EXISTS: caller(409, "ALREADY_EXISTS", "The vector index \"{index}\" exists already.", "Drop it first, or choose another name."),
  VECTOR_INDEX_LOST: broken(500, "DATA_LOSS", "Vector index \"{index}\" cannot be served: {reason}.", "Put the blobs back from a copy of the data folder and start again; or drop the index and write its points, or recover a snapshot file, into a new one. Everything else is served."),
  VECTOR_INDEX_DEFINED: caller(409, "FAILED_PRECONDITION", "The vector index \"{index}\" comes from the definition.", "Change the definition and apply it."),
  VECTOR_NAME_UNKNOWN: caller(400, "INVALID_ARGUMENT", "Not existing vector name error: \"{name}\".", "The index has these vectors: {known}."),
  VECTOR_DIMENSION_WRONG: caller(400, "INVALID_ARGUMENT", "Wrong input: Vector dimension error: expected dim: {expected}, got {given}.", "Send vectors of the length the index was made for."),
  POINT_NOT_FOUND: caller(404, "NOT_FOUND", "No point {id}: {reason}.", "Upsert it first, or name another."),
  VECTOR_SNAPSHOT_NOT_FOUND: caller(404, "NOT_FOUND", "There is no snapshot \"{snapshot}\" of vector index \"{index}\".", "List them with `strata vectors snapshots`."),
  EMBEDDING_FAILED: dependency(502, "UNAVAILABLE", "The embedding of index \"{index}\" failed: {reason}", "See the model it comes from; nothing was stored."),
  VECTOR_MEMORY_FULL: caller(507, "RESOURCE_EXHAUSTED", "There is no memory for more vectors: {rows} rows of {dimensions} numbers take {memoryBytes} bytes.", "One index holds up to 4 GiB with its graph. Split it into several, or give the process more memory."),
  STORE_FENCED: busy(409, "ABORTED", "Partition {partition} of view \"{view}\" belongs to another worker (epoch {current}, not {epoch}).", "The worker stops writing and asks for its partitions again."),
  STORE_FAILED: dependency(503, "UNAVAILABLE", "The online store did not answer: {reason}", "See the cause; nothing was written."),
  SNAPSHOT_NOT_FOUND: caller(404, "NOT_FOUND", "There is no lake snapshot \"{snapshot}\".", "`strata lake snapshots` lists them; a run names its snapshot: `strata models runs --json`."),
  SNAPSHOT_PINNED: caller(409, "FAILED_PRECONDITION", "Snapshot {snapshot} is kept because others rely on it: {holders}.", "A training run can be repeated only while its snapshot is there; nothing was forgotten."),
  QUERY_INVALID: caller(400, "INVALID_ARGUMENT", "The statement cannot be answered: {reason}", "SHOW TABLES lists the tables, DESCRIBE <table> their columns."),
  QUERY_REFUSED: caller(403, "PERMISSION_DENIED", "The statement was refused: {reason}", "Only one SELECT (or EXPLAIN of one) over the tables of SHOW TABLES is answered; it reaches no file, network or setting."),
  QUERY_TOO_LARGE: caller(422, "RESOURCE_EXHAUSTED", "The statement needs more memory than one may use: {reason}", "Ask for less: a shorter time, fewer columns, an aggregate."),
  LAKE_RESTORE_REFUSED: caller(409, "FAILED_PRECONDITION", "The lake was not restored to {snapshot}: {reason}", "Restore without --replay: later events stay set aside in the snapshot taken before."),

  // training, experiments, registry
  TRAINING_DATA_INSUFFICIENT: caller(422, "FAILED_PRECONDITION", "Model \"{model}\" cannot be trained: {reason}", "Ingest more events, or widen the label window."),
  TRAINING_PARAMETER_INVALID: caller(400, "INVALID_ARGUMENT", "Training parameter {parameter} is not valid: {reason}", "See gradientBoosting() for ranges."),
  TRAINING_DATA_INVALID: caller(422, "INVALID_ARGUMENT", "The training data is not valid: {reason}", "Fix the named column or rows and train again; nothing was learned."),
  MODEL_EXPORT_REFUSED: caller(422, "FAILED_PRECONDITION", "The model cannot be written as {format}: {reason}", "Lower maxCategoriesPerSplit or trees and train again, or serve the model with the trees runtime."),
  MODEL_NOT_FOUND: caller(404, "NOT_FOUND", "There is no model \"{model}\".", "Known models: {known}."),
  MODEL_VERSION_NOT_FOUND: caller(404, "NOT_FOUND", "Model \"{model}\" has no version {version}.", "List them with `strata models`."),
  MODEL_ARTIFACT_INVALID: broken(500, "DATA_LOSS", "The artifact of {model} version {version} is damaged: {reason}", "Train the version again, or roll back with `strata rollout rollback`."),
  ALIAS_REFUSED: caller(409, "FAILED_PRECONDITION", "Alias {alias} of \"{model}\" was not moved to version {version}: {reason}", "Pass the gates first; `strata models show` lists them."),
  RUN_NOT_FOUND: caller(404, "NOT_FOUND", "There is no run {run}.", "List them with `strata models runs`."),
  RUN_REFUSED: caller(409, "FAILED_PRECONDITION", "Run {run} was not changed: {reason}.", "A run that ended, and a parameter once set, stay as they are; start a new run."),
  BLOB_NOT_FOUND: broken(404, "NOT_FOUND", "There is no blob {digest}.", "Restore it, or train the version again."),
  BLOB_CORRUPT: broken(500, "DATA_LOSS", "Blob {digest} does not match its digest.", "Restore it from a copy."),

  // serving
  ENDPOINT_NOT_FOUND: caller(404, "NOT_FOUND", "There is no endpoint \"{endpoint}\".", "Known endpoints: {known}."),
  FEATURE_VERSION_MISMATCH: caller(409, "FAILED_PRECONDITION", "Version {version} of model \"{model}\" learned from feature \"{feature}\" as it was defined then; the definition in force computes it otherwise or not at all.", "Train a version on the new definition with `strata train {model}`, or apply the definition that the version knows. A feature under a new name leaves running versions alone."),
  MODEL_NOT_READY: busy(503, "UNAVAILABLE", "Model \"{model}\" has no version that is ready to serve.", "Train it with `strata train {model}`."),
  INFERENCE_INVALID: caller(400, "INVALID_ARGUMENT", "The inference request is not valid: {reason}", "See GET /v2/models/{model} for names, shapes and datatypes."),
  QUEUE_FULL: busy(429, "RESOURCE_EXHAUSTED", "The queue of model \"{model}\" is full ({waiting} rows wait).", "Wait for the time in Retry-After."),
  INFERENCE_FAILED: broken(500, "INTERNAL", "Model \"{model}\" failed: {reason}", "See the model's run; roll back with `strata rollout rollback`."),
  RUNTIME_MISSING: broken(503, "FAILED_PRECONDITION", "The {runtime} runtime is not installed.", "Install it with `npm install {package}`."),
  MODEL_LOAD_FAILED: caller(400, "INVALID_ARGUMENT", "failed to load '{model}': {reason}", "Fix the cause and load it again; what was serving before goes on serving."),
  MODEL_UNAVAILABLE: busy(503, "UNAVAILABLE", "Model \"{model}\" version {version} is not available: {reason}", "Load it with the repository API, or see GET /v2/repository/index."),
  MODEL_BUSY: busy(503, "UNAVAILABLE", "Model \"{model}\" is {state}.", "Wait for the time in Retry-After and send again."),
  MODEL_MEMORY_EXCEEDED: busy(503, "RESOURCE_EXHAUSTED", "Model \"{model}\" needs {neededBytes} bytes and the budget of {budgetBytes} is held by models in use.", "Unload a model, raise `modelMemoryBytes`, or send again when load is lower."),
  UPSTREAM_FAILED: dependency(502, "UNAVAILABLE", "Upstream {upstream} failed: {reason}", "Its status is in GET /v1/upstreams; another attempt may go to another one."),
  UPSTREAM_UNAVAILABLE: dependency(503, "UNAVAILABLE", "No upstream of \"{model}\" can take the call: {reason}", "Wait for the time in Retry-After and send again."),
  UPSTREAM_BUSY: busy(429, "RESOURCE_EXHAUSTED", "Upstream {upstream} is over its own limit: {reason}", "Wait for the time in Retry-After and send again."),
  UPSTREAM_REFUSED: caller(400, "INVALID_ARGUMENT", "Upstream {upstream} refused the request: {reason}", "The reason is the upstream's own."),

  // gateway
  LANGUAGE_MODEL_NOT_FOUND: caller(404, "NOT_FOUND", "There is no language model \"{model}\".", "Known: {known}."),
  OPERATION_UNSUPPORTED: caller(400, "UNIMPLEMENTED", "\"{model}\" cannot do {operation}: {reason}", "Use another model or another operation."),
  KEY_MISSING: caller(401, "UNAUTHENTICATED", "No API key was sent.", "Send `Authorization: Bearer <key>`; make one with `strata keys create`."),
  KEY_INVALID: caller(401, "UNAUTHENTICATED", "The API key is not valid: {reason}", "Make a new one with `strata keys create`."),
  KEY_FORBIDDEN: caller(403, "PERMISSION_DENIED", "Key \"{key}\" may not call \"{model}\".", "It may call: {allowed}."),
  KEY_NOT_FOUND: caller(404, "NOT_FOUND", "There is no key {key}.", "List them with `strata keys`."),
  RATE_LIMITED: busy(429, "RESOURCE_EXHAUSTED", "Key \"{key}\" is over its limit of {limit} {kind} per minute.", "Wait for the time in Retry-After and send again."),
  CALL_TOO_LARGE: caller(400, "INVALID_ARGUMENT", "Key \"{key}\" may use {limit} tokens per minute, and this call alone needs {tokens}.", "Send a shorter input, or raise the limit with `strata keys update`."),
  BUDGET_EXHAUSTED: caller(402, "RESOURCE_EXHAUSTED", "The budget of key \"{key}\" cannot pay for this call: {available} USD left, {needed} USD needed.", "Raise the budget with `strata keys update`, or ask for fewer tokens."),
  BUDGET_SPENT: caller(402, "RESOURCE_EXHAUSTED", "The budget of key \"{key}\" ended after {tokens} output tokens; the answer is incomplete.", "Raise the budget with `strata keys update` and ask again."),
  GUARDRAIL_REFUSED: caller(400, "FAILED_PRECONDITION", "Guardrail {guardrail} refused the {place}: {reason}", "Change the request. One that is refused never reaches an upstream."),
  STREAM_BROKEN: dependency(502, "UNAVAILABLE", "The stream of {upstream} broke after {pieces} pieces: {reason}", "What came before is incomplete; ask again."),
  LEDGER_FAILED: broken(503, "UNAVAILABLE", "The budget ledger did not answer: {reason}", "No call is let through without it; see the cause."),

  ROLLOUT_NOT_FOUND: caller(404, "NOT_FOUND", "Model \"{model}\" has no rollout in progress.", "A rollout starts when a version trained with `strata train` passes its gates beside a champion."),
  ROLLOUT_ACTIVE: caller(409, "FAILED_PRECONDITION", "No rollout of version {challenger} of \"{model}\" was started: rollout {rollout} of version {active} is in its {phase} phase at endpoint \"{endpoint}\".", "Wait until it is decided, or cancel it with `strata rollout cancel`."),

  // load testing
  LOAD_TARGET_FAILED: dependency(502, "UNAVAILABLE", "There is nothing to measure at {url}: {reason}", "Send one request by hand first; then give loadtest the same path, headers and body."),

  // observation and statistics
  METRIC_INVALID: caller(400, "INVALID_ARGUMENT", "The metric \"{name}\" cannot be created: {reason}.", "Choose another name; one name has one kind."),
  STATISTICS_INPUT_INVALID: caller(400, "INVALID_ARGUMENT", "{what} cannot be computed: {reason}.", "Check the values that are handed in; nothing was assumed in their place."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

const BRAND = Symbol.for("strata.error");

/** One problem of a value: where, what was found, what to do. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  /** Stable word for counting, e.g. a dead letter's reason. */
  readonly code?: string;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  readonly problems?: readonly Problem[];
  /** Seconds the caller should wait, for retryable errors. */
  readonly retryAfterSeconds?: number;
}

/** The one error type. `code` is stable; `message` and `hint` are for people. */
export class StrataError extends Error {
  override readonly name = "StrataError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
  readonly hint: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, details: Readonly<Record<string, unknown>> = {}, options: ErrorOptions = {}) {
    super(fill(ERRORS[code].message, details), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = details;
    this.problems = options.problems ?? [];
    this.hint = fill(ERRORS[code].hint, details);
    this.retryAfterSeconds = options.retryAfterSeconds;
    Object.defineProperty(this, BRAND, { value: true });
  }

  get status(): number { return ERRORS[this.code].status; }
  get grpc(): GrpcStatus { return ERRORS[this.code].grpc; }
  get fault(): Fault { return ERRORS[this.code].fault; }
  get retryable(): boolean { return ERRORS[this.code].retryable; }

  toJSON(): ErrorBody {
    return {
      code: this.code, message: this.message, hint: this.hint, retryable: this.retryable, fault: this.fault,
      ...(this.problems.length > 0 ? { problems: this.problems } : {}),
    };
  }
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly fault: Fault;
  readonly problems?: readonly Problem[];
}

/** Recognised across copies of the package and module reloads, unlike `instanceof`. */
export function isStrataError(value: unknown): value is StrataError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

/** Wraps an unknown throw once, at a boundary. */
export function toStrataError(thrown: unknown): StrataError {
  if (isStrataError(thrown)) return thrown;
  return new StrataError("INTERNAL", { reason: reasonOf(thrown) }, { cause: thrown });
}

/** The sentence of any thrown value. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Joins problems for a one-line message: `streams.clicks.time: ...; ...`. */
export function listProblems(problems: readonly Problem[]): string {
  return problems.map((problem) => (problem.path === "" ? problem.message : `${problem.path}: ${problem.message}`)).join("; ");
}

function fill(template: string, details: Readonly<Record<string, unknown>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (name in details ? String(details[name]) : whole));
}
