/**
 * A model runtime turns a stored artifact into something that scores rows.
 *
 * Contract: `load` verifies the artifact (MODEL_ARTIFACT_INVALID); `predict` takes a dense row-major matrix of
 * features (NaN = missing) and returns `rows × outputs` numbers, row-major. It must not keep the input.
 * `predict` may be called again before an earlier call settles; a synchronous runtime just returns a resolved promise.
 */
export interface Matrix {
  /** rows × columns, row-major; NaN marks a missing value. */
  readonly values: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

export interface LoadedModel {
  readonly inputs: readonly string[];
  /** Numbers per row: 1 for regression, binary (probability) and ranking (score); k for k classes. */
  readonly outputs: number;
  predict(matrix: Matrix): Promise<Float64Array>;
  close(): Promise<void>;
}

export interface ModelRuntime {
  /** e.g. "trees", "onnx". */
  readonly name: string;
  load(artifact: Uint8Array, describe: { readonly model: string; readonly version: number }): Promise<LoadedModel>;
}
