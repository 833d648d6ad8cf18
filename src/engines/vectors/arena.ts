/**
 * One shared WebAssembly memory with its views: it grows by blocks, nothing in it ever moves. The serving thread and
 * the building thread each open it; every word a racing reader may see is a row that exists, or a count in bounds.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { VectorRowsOptions } from "../../ports/vector-index.ts";
import { BLOCK_ROWS, BLOCK_SHIFT, MAX_BYTES, META_BYTES, layoutOf, levelsOfBlock, pagesFor } from "./arena-layout.ts";
import type { ArenaLayout, Desk } from "./arena-layout.ts";
import { openKernels } from "./kernels.ts";
import type { Kernels } from "./kernels.ts";

/** How the kernel `exact` measures. */
export const KIND = { cosine: 0, dot: 0, euclid: 1, manhattan: 2 } as const;

export interface Arena {
  readonly layout: ArenaLayout;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly desk: Desk;
  /** The whole memory; replaced when it grows. */
  readonly words: Int32Array;
  readonly floats: Float32Array;
  readonly codes: Int8Array;
  readonly blocks: number;
  /** Highest layer per row, and the first of its upper lists in its block. */
  readonly levels: Uint8Array;
  readonly firstLists: Int16Array;
  /** Makes room for the row. VECTOR_MEMORY_FULL. */
  reach(row: number): void;
  /** Byte addresses. */
  codesAt(row: number): number;
  metaAt(row: number): number;
  floatsAt(row: number): number;
  /** Word index of the list of links of a layer the row has. */
  listAt(row: number, level: number): number;
}

export interface ArenaShare {
  readonly memory: WebAssembly.Memory;
  readonly blocks: number;
}

/** The first thread makes the memory; another one opens the share of it. */
export function openArena(options: VectorRowsOptions, thread: 0 | 1 = 0, share?: ArenaShare): Arena {
  const layout = layoutOf(options);
  const memory = share?.memory ?? new WebAssembly.Memory({ initial: pagesFor(layout, 0), maximum: MAX_BYTES / 65_536, shared: true });
  const kernels = openKernels(memory);
  const desk = layout.desks[thread];
  const isEuclid = options.distance === "euclid";
  kernels.setup(
    layout.blocksAt, layout.blockBytes, layout.codeStride, layout.metaOffset, layout.floatOffset, layout.floatStride, desk.queryCodes, desk.queryFloats,
    isEuclid ? 2 : 1, isEuclid ? 1 : 0,
  );
  let words = new Int32Array(memory.buffer), floats = new Float32Array(memory.buffer), codes = new Int8Array(memory.buffer);
  let blocks = 0;
  let levels = new Uint8Array(0), firstLists = new Int16Array(0);

  const look = (): void => {
    words = new Int32Array(memory.buffer);
    floats = new Float32Array(memory.buffer);
    codes = new Int8Array(memory.buffer);
  };
  const addLevels = (block: number): void => {
    if (levels.length < (block + 1) * BLOCK_ROWS) {
      const larger = new Uint8Array(Math.max(4, block * 2) * BLOCK_ROWS), largerLists = new Int16Array(larger.length);
      larger.set(levels);
      largerLists.set(firstLists);
      levels = larger;
      firstLists = largerLists;
    }
    const ofBlock = levelsOfBlock(layout, block);
    levels.set(ofBlock.levels, block * BLOCK_ROWS);
    firstLists.set(ofBlock.firstList, block * BLOCK_ROWS);
  };
  const addBlock = (): void => {
    const missing = pagesFor(layout, blocks + 1) - memory.buffer.byteLength / 65_536;
    if (missing > 0) {
      try {
        memory.grow(missing);
      } catch (thrown) {
        throw new StrataError("VECTOR_MEMORY_FULL", { rows: blocks * BLOCK_ROWS, dimensions: layout.dimensions, memoryBytes: memory.buffer.byteLength }, { cause: thrown });
      }
      look();
    }
    const meta = (layout.blocksAt + blocks * layout.blockBytes + layout.metaOffset) / 4;
    for (let i = 0; i < BLOCK_ROWS; i++) floats[meta + i * (META_BYTES / 4) + 1] = Number.NaN;
    addLevels(blocks);
    blocks++;
  };
  if (share) for (; blocks < share.blocks; blocks++) addLevels(blocks);

  const blockAt = (row: number): number => layout.blocksAt + (row >>> BLOCK_SHIFT) * layout.blockBytes;
  return {
    layout, memory, kernels, desk,
    get words() { return words; },
    get floats() { return floats; },
    get codes() { return codes; },
    get blocks() { return blocks; },
    get levels() { return levels; },
    get firstLists() { return firstLists; },
    reach: (row) => { while (blocks * BLOCK_ROWS <= row) addBlock(); },
    codesAt: (row) => blockAt(row) + (row & (BLOCK_ROWS - 1)) * layout.codeStride,
    metaAt: (row) => blockAt(row) + layout.metaOffset + (row & (BLOCK_ROWS - 1)) * META_BYTES,
    floatsAt: (row) => blockAt(row) + layout.floatOffset + (row & (BLOCK_ROWS - 1)) * layout.floatStride,
    listAt: (row, level) => (level === 0
      ? (blockAt(row) + layout.linkOffset) / 4 + (row & (BLOCK_ROWS - 1)) * layout.linkWords
      : (blockAt(row) + layout.upperOffset) / 4 + (firstLists[row]! + level - 1) * layout.upperWords),
  };
}
