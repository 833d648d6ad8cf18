/**
 * Which small files to merge: frequent flushes leave many, and each costs a query about a millisecond to open.
 * Only neighbours are merged, so that a file stays one range of offsets.
 */
import type { LakeFile } from "./lake-file.ts";

export interface MergeRule {
  /** So many small files are left alone. */
  readonly maxSmallFiles: number;
  /** A file of at least half as many rows is not small; a merged file has at most this many. */
  readonly rowsPerFile: number;
}

/** Runs of two or more neighbouring files to merge, each into one; empty while there are few small files. */
export function planMerges(files: readonly LakeFile[], { maxSmallFiles, rowsPerFile }: MergeRule): readonly (readonly LakeFile[])[] {
  const isSmall = (file: LakeFile): boolean => file.rows < rowsPerFile / 2;
  if (files.filter(isSmall).length <= maxSmallFiles) return [];
  const runs: LakeFile[][] = [];
  let run: LakeFile[] = [];
  for (const file of files.toSorted((a, b) => a.fromOffset - b.fromOffset)) {
    const follows = run.length > 0 && run.at(-1)!.toOffset === file.fromOffset;
    const fits = run.reduce((sum, { rows }) => sum + rows, file.rows) <= rowsPerFile;
    if (isSmall(file) && follows && fits) run.push(file);
    else runs.push(run = isSmall(file) ? [file] : []);
  }
  return runs.filter(({ length }) => length > 1);
}

/** Runs of two or more neighbours, as few files as the rule's rows per file allow: what an operator asks for by name. */
export function planCompaction(files: readonly LakeFile[], { rowsPerFile }: Pick<MergeRule, "rowsPerFile">): readonly (readonly LakeFile[])[] {
  const runs: LakeFile[][] = [];
  for (const file of files.toSorted((a, b) => a.fromOffset - b.fromOffset)) {
    const run = runs.at(-1);
    const fits = run !== undefined && run.at(-1)!.toOffset === file.fromOffset && run.reduce((sum, { rows }) => sum + rows, file.rows) <= rowsPerFile;
    if (fits) run.push(file);
    else runs.push([file]);
  }
  return runs.filter(({ length }) => length > 1);
}

/** The file that a run becomes. */
export function mergedFile(run: readonly LakeFile[], written: { readonly name: string; readonly sizeBytes: number }): LakeFile {
  const fields = new Map(run.flatMap((file) => file.fields.map((field) => [field.column, field])));
  return {
    ...written,
    fromOffset: run[0]!.fromOffset, toOffset: run.at(-1)!.toOffset,
    rows: run.reduce((sum, file) => sum + file.rows, 0),
    minTimeMs: Math.min(...run.map((file) => file.minTimeMs)), maxTimeMs: Math.max(...run.map((file) => file.maxTimeMs)),
    fields: [...fields.values()],
  };
}
