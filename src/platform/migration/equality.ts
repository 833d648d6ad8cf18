/** What is held against each other after a copy: how many, and one digest over all of it, of the source and of the target. */
import { createHash, type Hash } from "node:crypto";
import { sha256 } from "../../kernel/hash.ts";

export interface Measure {
  readonly count: number;
  readonly sha256: string;
}

export interface Comparison {
  readonly kind: "log" | "table" | "blobs" | "state" | "ledger";
  readonly name: string;
  readonly source: Measure;
  readonly target: Measure;
  readonly equal: boolean;
}

export function compare(kind: Comparison["kind"], name: string, { source, target }: { readonly source: Measure; readonly target: Measure }): Comparison {
  return { kind, name, source, target, equal: source.count === target.count && source.sha256 === target.sha256 };
}

/** In order: a log's records. Lengths go in too, so that two fields cannot pass for one. */
export function createSequenceMeasure(): { add(...parts: readonly (string | number | Uint8Array)[]): void; measure(): Measure } {
  const hash: Hash = createHash("sha256");
  let count = 0;
  const length = Buffer.alloc(4);
  return {
    add: (...parts) => {
      count++;
      for (const part of parts) {
        const bytes = part instanceof Uint8Array ? part : Buffer.from(String(part));
        length.writeUInt32LE(bytes.length);
        hash.update(length).update(bytes);
      }
    },
    measure: () => ({ count, sha256: hash.copy().digest("hex") }),
  };
}

const MODULUS = 1n << 256n;

/** Whatever the order: rows and blobs. The sum of the members' digests modulo 2^256, so a member that is there twice counts twice. */
export function createSetMeasure(): { add(member: string): void; measure(): Measure } {
  let sum = 0n;
  let count = 0;
  return {
    add: (member) => {
      count++;
      sum = (sum + BigInt(`0x${sha256(member)}`)) % MODULUS;
    },
    measure: () => ({ count, sha256: sum.toString(16).padStart(64, "0") }),
  };
}
