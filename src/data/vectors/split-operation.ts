/** Large upserts as several records: the log refuses records above its limit, and replay applies one at a time. */
import type { PointOperation } from "./operation.ts";
import type { PointVector } from "./point.ts";

/** Well below the log's limit of 16 MiB. */
const RECORD_BYTES = 4 * 1024 * 1024;

export function splitOperation(operation: PointOperation): readonly PointOperation[] {
  if (!("points" in operation)) return [operation];
  const parts: PointOperation[] = [];
  let points: unknown[] = [];
  let bytes = 0;
  const close = (): void => {
    parts.push({ ...operation, points } as PointOperation);
    points = [];
    bytes = 0;
  };
  for (const point of operation.points) {
    points.push(point);
    bytes += 200 + sizeOf(point.vectors.values()) + ("payload" in point ? JSON.stringify(point.payload).length : 0);
    if (bytes >= RECORD_BYTES) close();
  }
  if (points.length > 0 || parts.length === 0) close();
  return parts;
}

function sizeOf(vectors: Iterable<PointVector>): number {
  let bytes = 0;
  for (const vector of vectors) bytes += vector instanceof Float32Array ? vector.byteLength : vector.indices.length * 20;
  return bytes;
}
