/** What two snapshots differ in, per stream: rows, offset ranges, files and fields. Pure. */
import type { LakeFile } from "./lake-file.ts";
import { streamOf } from "./snapshot.ts";
import type { LakeSnapshot } from "./snapshot.ts";

export interface OffsetRange {
  readonly from: number;
  /** One past the last. */
  readonly to: number;
}

export interface StreamDifference {
  readonly stream: string;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** Offsets that only the later, or only the earlier snapshot has. */
  readonly added: readonly OffsetRange[];
  readonly removed: readonly OffsetRange[];
  readonly filesAdded: readonly string[];
  readonly filesRemoved: readonly string[];
  /** "price: number". */
  readonly fieldsAdded: readonly string[];
  readonly fieldsRemoved: readonly string[];
}

/** Only streams that differ. Files that were merged differ while their offsets do not. */
export function diffSnapshots(before: LakeSnapshot, after: LakeSnapshot): readonly StreamDifference[] {
  const names = [...new Set([...Object.keys(before.streams), ...Object.keys(after.streams)])].toSorted();
  return names.map((stream) => diffStream(stream, streamOf(before, stream), streamOf(after, stream)))
    .filter(({ filesAdded, filesRemoved }) => filesAdded.length + filesRemoved.length > 0);
}

type Part = ReturnType<typeof streamOf>;

function diffStream(stream: string, before: Part, after: Part): StreamDifference {
  const [rangesBefore, rangesAfter] = [rangesOf(before.files), rangesOf(after.files)];
  const only = (left: readonly string[], right: readonly string[]): readonly string[] => left.filter((item) => !right.includes(item));
  const [namesBefore, namesAfter] = [before.files.map(({ name }) => name), after.files.map(({ name }) => name)];
  const [fieldsBefore, fieldsAfter] = [fieldsOf(before.files), fieldsOf(after.files)];
  return {
    stream, rowsBefore: before.rows, rowsAfter: after.rows,
    added: subtractRanges(rangesAfter, rangesBefore), removed: subtractRanges(rangesBefore, rangesAfter),
    filesAdded: only(namesAfter, namesBefore), filesRemoved: only(namesBefore, namesAfter),
    fieldsAdded: only(fieldsAfter, fieldsBefore), fieldsRemoved: only(fieldsBefore, fieldsAfter),
  };
}

const fieldsOf = (files: readonly LakeFile[]): readonly string[] => [...new Set(files.flatMap(({ fields }) => fields.map(({ field, kind }) => `${field}: ${kind}`)))];

/** The files' offsets as few ranges, in order. */
export function rangesOf(files: readonly Pick<LakeFile, "fromOffset" | "toOffset">[]): readonly OffsetRange[] {
  const ranges: OffsetRange[] = [];
  for (const { fromOffset: from, toOffset: to } of files.toSorted((a, b) => a.fromOffset - b.fromOffset)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.to >= from) ranges[ranges.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else ranges.push({ from, to });
  }
  return ranges;
}

/** What of `whole` is not in `taken`; both in order and without overlap. */
export function subtractRanges(whole: readonly OffsetRange[], taken: readonly OffsetRange[]): readonly OffsetRange[] {
  return whole.flatMap(({ from, to }) => {
    const left: OffsetRange[] = [];
    let at = from;
    for (const cut of taken) {
      if (cut.to <= at || cut.from >= to) continue;
      if (cut.from > at) left.push({ from: at, to: cut.from });
      at = Math.max(at, cut.to);
    }
    return at < to ? [...left, { from: at, to }] : left;
  });
}
