/**
 * An arena as bytes and back, in sections of one block of rows each, so that a snapshot writes only what changed:
 *
 *   head       JSON: what the layout follows from, the centre, the graph's entry
 *   vectors/N  which rows are set (128 bytes), then their floats; codes are made anew
 *   links/N    which rows are linked (128 bytes), then the lists of the lowest layer and of those above
 */
import { StrataError } from "../../kernel/errors.ts";
import type { VectorSection } from "../../ports/vector-index.ts";
import { BLOCK_ROWS, HEADER } from "./arena-layout.ts";
import type { Arena } from "./arena.ts";
import type { RowStates } from "./row-states.ts";

export interface Sections {
  vectorsChanged(row: number): void;
  linksChanged(): void;
  list(): readonly VectorSection[];
  restore(key: string, bytes: Uint8Array): void;
}

export interface SectionsOptions {
  readonly arena: Arena;
  readonly states: RowStates;
  readonly centre: () => Float32Array | undefined;
  /** A row that is not set may still be walked through. */
  readonly restored: (row: number, vector: Float32Array, isSet: boolean) => void;
  readonly centred: (centre: Float32Array | undefined) => void;
}

interface Head {
  readonly dimensions: number;
  readonly distance: string;
  readonly m: number;
  readonly entry: number;
  readonly top: number;
  readonly reach: number;
  readonly centre: readonly number[] | null;
}

const BITS_BYTES = BLOCK_ROWS / 8;

export function createSections({ arena, states, centre, restored, centred }: SectionsOptions): Sections {
  const { layout } = arena;
  const vectorVersions: number[] = [];
  let linkVersion = 1;
  const vectorBytes = BITS_BYTES + BLOCK_ROWS * layout.floatStride;
  const linkBytes = BITS_BYTES + layout.blockBytes - layout.linkOffset;
  const blockAt = (block: number): number => layout.blocksAt + block * layout.blockBytes;
  const head = (): Head => ({
    dimensions: layout.dimensions, distance: layout.distance, m: layout.m, entry: arena.words[HEADER.entry]!, top: arena.words[HEADER.top]!, reach: arena.words[HEADER.reach]!, centre: centre() ? [...centre()!] : null,
  });
  const bytesOf = (block: number, { offset, size, has }: { readonly offset: number; readonly size: number; readonly has: (row: number) => boolean }): Uint8Array => {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < BLOCK_ROWS; i++) if (has(block * BLOCK_ROWS + i)) bytes[i >>> 3]! |= 1 << (i & 7);
    bytes.set(new Uint8Array(arena.memory.buffer, blockAt(block) + offset, size - BITS_BYTES), BITS_BYTES);
    return bytes;
  };
  const restoreHead = (bytes: Uint8Array): void => {
    const saved = JSON.parse(Buffer.from(bytes).toString()) as Head; // written by head(); the store checked the bytes
    if (saved.dimensions !== layout.dimensions || saved.distance !== layout.distance || saved.m !== layout.m) throw misfit("head", "it is of an index of another shape");
    arena.words[HEADER.entry] = saved.entry;
    arena.words[HEADER.top] = saved.top;
    arena.words[HEADER.reach] = saved.reach;
    centred(saved.centre === null ? undefined : Float32Array.from(saved.centre));
  };
  const restoreBlock = (kind: string, block: number, bytes: Uint8Array): void => {
    const key = `${kind}/${block}`;
    if (bytes.length !== (kind === "vectors" ? vectorBytes : linkBytes)) throw misfit(key, `it has ${bytes.length} bytes`);
    arena.reach((block + 1) * BLOCK_ROWS - 1);
    const isIn = (i: number): boolean => (bytes[i >>> 3]! & (1 << (i & 7))) !== 0;
    if (kind === "vectors") {
      const floats = new Float32Array(new Uint8Array(bytes).buffer, BITS_BYTES); // of its own memory, so aligned
      const stride = layout.floatStride / 4;
      for (let i = 0; i < BLOCK_ROWS; i++) restored(block * BLOCK_ROWS + i, floats.subarray(i * stride, i * stride + layout.dimensions), isIn(i));
      vectorVersions[block] = 1;
      return;
    }
    new Uint8Array(arena.memory.buffer).set(bytes.subarray(BITS_BYTES), blockAt(block) + layout.linkOffset);
    for (let i = 0; i < BLOCK_ROWS; i++) if (isIn(i)) states.link(block * BLOCK_ROWS + i);
  };

  return {
    vectorsChanged: (row) => {
      const block = Math.floor(row / BLOCK_ROWS);
      vectorVersions[block] = (vectorVersions[block] ?? 0) + 1;
    },
    linksChanged: () => { linkVersion++; },
    list: () => {
      const blocks = Math.ceil(states.end / BLOCK_ROWS);
      const sections: VectorSection[] = [{ key: "head", version: linkVersion + (centre() ? 0.5 : 0), bytes: () => Buffer.from(JSON.stringify(head())) }];
      for (let block = 0; block < blocks; block++) {
        sections.push({ key: `vectors/${block}`, version: vectorVersions[block] ?? 0, bytes: () => bytesOf(block, { offset: layout.floatOffset, size: vectorBytes, has: states.isSet }) });
        if (states.linkedRows > 0) sections.push({ key: `links/${block}`, version: linkVersion, bytes: () => bytesOf(block, { offset: layout.linkOffset, size: linkBytes, has: states.isLinked }) });
      }
      return sections;
    },
    restore: (key, bytes) => {
      if (key === "head") return restoreHead(bytes);
      const [kind, block] = key.split("/");
      if ((kind !== "vectors" && kind !== "links") || !/^\d{1,7}$/.test(block ?? "")) throw misfit(key, "no such part");
      restoreBlock(kind, Number(block), bytes);
    },
  };
}

function misfit(key: string, reason: string): StrataError {
  return new StrataError("STATE_CORRUPT", { file: `vectors ${key}`, reason });
}
