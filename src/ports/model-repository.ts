/**
 * Models that lie somewhere as files, by name and version, for a model server that loads them when asked. Reading is
 * immediate: a listing is small, and whoever has just put a model there expects the next call to see it.
 */
export interface RepositoryModel {
  readonly name: string;
  /** The ONNX file of each version; versions are positive whole numbers as text. */
  readonly versions: ReadonlyMap<string, string>;
  /** The content of its settings file; undefined without one. */
  readonly settings: unknown;
}

export interface ModelRepository {
  /** Names of models that have at least one version, sorted. */
  names(): readonly string[];
  /** undefined when there is no such model. FILE_INVALID when its settings cannot be read. */
  read(name: string): RepositoryModel | undefined;
}
