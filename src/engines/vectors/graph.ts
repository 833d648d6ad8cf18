/**
 * A hierarchical navigable small world graph (Malkov & Yashunin 2018) over the rows of an arena. Walking compares
 * 8-bit codes in WebAssembly, a hop's neighbours in one call; neighbours are chosen by the paper's heuristic
 * (algorithm 4). Removed rows stay as stepping stones until `repair` has led their neighbours around them.
 */
import { KIND } from "./arena.ts";
import type { Arena } from "./arena.ts";
import { BLOCK_ROWS, HEADER, LIST_ROWS } from "./arena-layout.ts";
import { RowHeap } from "./row-heap.ts";

/** Which rows may be found; all may be walked through. */
export type Accepts = (row: number) => boolean;

export interface Found {
  readonly rows: Int32Array;
  /** By codes; comparable with others of the same query only. */
  readonly closeness: Float64Array;
}

export interface Graph {
  /** Links a row. It becomes one that can be found. */
  insert(row: number): void;
  /** The `ef` closest accepted rows for the query on the desk, nearest first; undefined when more than `budget` rows had to be compared. */
  search(ef: number, accepts: Accepts, budget: number): Found | undefined;
  /** Links around the removed rows for one row; true when it had to be. */
  repair(row: number, isRemoved: Accepts): boolean;
  /** Takes removed rows out for good, once every other row was repaired. `alive` finds the new entry. */
  forget(removed: Iterable<number>, alive: Iterable<number>): void;
}

export function openGraph(arena: Arena, efConstruction: number): Graph {
  const { layout, kernels, desk } = arena;
  const { m, linkWords, upperWords, distance } = layout;
  const isManhattan = distance === "manhattan", isEuclid = distance === "euclid";
  const listWord = desk.list / 4, outWord = desk.out / 4;
  const ahead = new RowHeap(1_024), found = new RowHeap(1_024);
  let visited = new Uint32Array(0), epoch = 0;
  const isPresent: Accepts = (row) => !Number.isNaN(arena.floats[arena.metaAt(row) / 4 + 1]!);

  /** Closeness of the query to the first rows of the desk's list. */
  const measure = (count: number): void => {
    if (isManhattan) kernels.exact(desk.list, count, desk.out, KIND.manhattan);
    else kernels.near(desk.list, count, desk.out);
  };
  const ask = (row: number): void => {
    if (isManhattan) kernels.queryRowFloats(row);
    else kernels.queryRow(row);
  };
  /** What `near` leaves out because it is the same for every row of one query. */
  const constantOf = (row: number): number => (isEuclid ? arena.floats[arena.metaAt(row) / 4 + 2]! ** 2 : 0);
  const startWalk = (): void => {
    if (visited.length < arena.blocks * BLOCK_ROWS) visited = new Uint32Array(arena.blocks * BLOCK_ROWS);
    else if (epoch >= 0xffff_fffe) {
      visited.fill(0);
      epoch = 0;
    }
    epoch++;
    ahead.clear();
    found.clear();
  };
  const closenessOf = (row: number): number => {
    arena.words[listWord] = row;
    measure(1);
    return arena.floats[outWord]!;
  };

  /** Greedy: the closest row that a layer leads to. */
  const descend = (start: number, closeness: number, level: number): { readonly row: number; readonly closeness: number } => {
    const { words, floats } = arena;
    let row = start, best = closeness;
    for (let isMoving = true; isMoving;) {
      isMoving = false;
      const at = arena.listAt(row, level);
      const count = Math.min(words[at]!, upperWords - 1);
      if (count === 0) break;
      for (let i = 0; i < count; i++) words[listWord + i] = words[at + 1 + i]!;
      measure(count);
      for (let i = 0; i < count; i++) {
        if (floats[outWord + i]! <= best) continue;
        best = floats[outWord + i]!;
        row = words[listWord + i]!;
        isMoving = true;
      }
    }
    return { row, closeness: best };
  };

  /** Best-first over one layer; what it found is in `found`, the furthest on top. False when the budget ran out. */
  const walk = (start: number, closeness: number, { ef, level, accepts, budget }: { readonly ef: number; readonly level: number; readonly accepts: Accepts; readonly budget: number }): boolean => {
    startWalk();
    const { words, floats } = arena;
    const capacity = (level === 0 ? linkWords : upperWords) - 1;
    let compared = 1;
    visited[start] = epoch;
    ahead.push(closeness, start);
    if (accepts(start)) found.push(-closeness, start);
    while (ahead.size > 0) {
      const row = ahead.topRow;
      if (found.size >= ef && ahead.topKey < -found.topKey) break;
      ahead.pop();
      const at = arena.listAt(row, level);
      const links = Math.min(words[at]!, capacity);
      let count = 0;
      for (let i = 1; i <= links; i++) {
        const next = words[at + i]!;
        if (visited[next] === epoch) continue;
        visited[next] = epoch;
        words[listWord + count++] = next;
      }
      if (count === 0) continue;
      measure(count);
      compared += count;
      for (let i = 0; i < count; i++) {
        const close = floats[outWord + i]!;
        if (found.size >= ef && close <= -found.topKey) continue;
        const next = words[listWord + i]!;
        ahead.push(close, next);
        if (!accepts(next)) continue;
        if (found.size < ef) found.push(-close, next);
        else found.replaceTop(-close, next);
      }
      if (compared > budget) return false;
    }
    return true;
  };
  const takeFound = (): Found => {
    const rows = new Int32Array(found.size), closeness = new Float64Array(found.size);
    for (let at = found.size - 1; at >= 0; at--) {
      rows[at] = found.topRow;
      closeness[at] = -found.topKey;
      found.pop();
    }
    return { rows, closeness };
  };
  /** Down to the layer above `level`, from the entry. */
  const approach = (level: number): { readonly row: number; readonly closeness: number } | undefined => {
    const entry = arena.words[HEADER.entry]! - 1;
    if (entry < 0) return undefined;
    let at = { row: entry, closeness: closenessOf(entry) };
    for (let layer = arena.words[HEADER.top]!; layer > level; layer--) at = descend(at.row, at.closeness, layer);
    return at;
  };

  /** Of rows by falling closeness to one row, those that are closer to it than to any chosen before. */
  const choose = (rows: ArrayLike<number>, closeness: ArrayLike<number>, most: number): number[] => {
    const chosen: number[] = [];
    for (let i = 0; i < rows.length && chosen.length < most; i++) {
      const row = rows[i]!;
      let isChosen = true;
      if (chosen.length > 0) {
        ask(row);
        for (let j = 0; j < chosen.length; j++) arena.words[listWord + j] = chosen[j]!;
        measure(chosen.length);
        const limit = closeness[i]! + constantOf(row);
        for (let j = 0; j < chosen.length && isChosen; j++) isChosen = arena.floats[outWord + j]! <= limit;
      }
      if (isChosen) chosen.push(row);
    }
    return chosen;
  };
  /** The best links of a row among candidates. */
  const chooseFor = (row: number, candidates: readonly number[], most: number): number[] => {
    ask(row);
    for (let i = 0; i < candidates.length; i++) arena.words[listWord + i] = candidates[i]!;
    measure(candidates.length);
    const constant = constantOf(row);
    const measured = candidates.map((candidate, i) => ({ candidate, close: arena.floats[outWord + i]! - constant })).toSorted((a, b) => b.close - a.close || a.candidate - b.candidate);
    return choose(measured.map(({ candidate }) => candidate), measured.map(({ close }) => close), most);
  };
  const writeList = (row: number, level: number, links: readonly number[]): void => {
    const at = arena.listAt(row, level);
    for (let i = 0; i < links.length; i++) arena.words[at + 1 + i] = links[i]!;
    arena.words[at] = links.length;
  };
  const linksOf = (row: number, level: number): number[] => {
    const at = arena.listAt(row, level);
    return Array.from(arena.words.subarray(at + 1, at + 1 + arena.words[at]!));
  };
  const linkBack = (row: number, to: number, level: number): void => {
    const capacity = level === 0 ? 2 * m : m;
    const at = arena.listAt(row, level);
    const count = arena.words[at]!;
    for (let i = 1; i <= count; i++) if (arena.words[at + i] === to) return;
    if (count < capacity) {
      arena.words[at + 1 + count] = to;
      arena.words[at] = count + 1;
      return;
    }
    writeList(row, level, chooseFor(row, [...linksOf(row, level), to], capacity));
  };

  const insert = (row: number): void => {
    const level = arena.levels[row]!;
    for (let layer = 0; layer <= level; layer++) arena.words[arena.listAt(row, layer)] = 0;
    ask(row);
    const constant = constantOf(row);
    let near = approach(level);
    if (near === undefined) {
      arena.words[HEADER.top] = level;
      arena.words[HEADER.entry] = row + 1;
      return;
    }
    const top = arena.words[HEADER.top]!;
    const isOther: Accepts = (other) => other !== row && isPresent(other);
    for (let layer = Math.min(top, level); layer >= 0; layer--) {
      walk(near.row, near.closeness, { ef: efConstruction, level: layer, accepts: isOther, budget: Infinity });
      const { rows, closeness } = takeFound();
      if (rows.length > 0) near = { row: rows[0]!, closeness: closeness[0]! };
      const chosen = choose(rows, closeness.map((close) => close - constant), m);
      writeList(row, layer, chosen);
      for (const neighbour of chosen) linkBack(neighbour, row, layer);
      if (layer > 0) ask(row);
    }
    if (level > top) {
      arena.words[HEADER.top] = level;
      arena.words[HEADER.entry] = row + 1;
    }
  };

  return {
    insert,
    search: (ef, accepts, budget) => {
      const near = approach(0);
      if (near === undefined) return { rows: new Int32Array(0), closeness: new Float64Array(0) };
      return walk(near.row, near.closeness, { ef, level: 0, accepts, budget }) ? takeFound() : undefined;
    },
    repair: (row, isRemoved) => {
      let isChanged = false;
      for (let level = 0; level <= arena.levels[row]!; level++) {
        const links = linksOf(row, level);
        if (!links.some(isRemoved)) continue;
        isChanged = true;
        const around = new Set(links.flatMap((link) => (isRemoved(link) ? linksOf(link, level) : [link])).filter((other) => other !== row && !isRemoved(other)));
        const chosen = chooseFor(row, [...around].slice(0, LIST_ROWS), level === 0 ? 2 * m : m);
        writeList(row, level, chosen);
        for (const neighbour of chosen) linkBack(neighbour, row, level);
      }
      if (isChanged && arena.words[arena.listAt(row, 0)] === 0) insert(row);
      return isChanged;
    },
    forget: (removed, alive) => {
      let entry = -1, top = -1;
      for (const row of alive) {
        if (arena.levels[row]! <= top) continue;
        entry = row;
        top = arena.levels[row]!;
      }
      arena.words[HEADER.entry] = entry + 1;
      arena.words[HEADER.top] = Math.max(0, top);
      for (const row of removed) for (let level = 0; level <= arena.levels[row]!; level++) arena.words[arena.listAt(row, level)] = 0;
    },
  };
}
