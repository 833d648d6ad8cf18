/** Entities by key: each known key has a small number, and numbers of forgotten entities are given out again. */

export interface EntityRegistry {
  /** The entity's number; a new one when it was not known. */
  enter(key: string): number;
  /** -1 when the entity is not known. */
  find(key: string): number;
  forget(entity: number): void;
  isKnown(entity: number): boolean;
  /** One more than the highest number given out. */
  readonly end: number;
  readonly size: number;
  known(): IterableIterator<readonly [key: string, entity: number]>;
  /** Estimated. */
  memoryBytes(): number;
}

/** What V8 needs for a key beside its characters: string header, map entry, list slot. */
const KEY_OVERHEAD_BYTES = 80;

export function createEntityRegistry(): EntityRegistry {
  const numbers = new Map<string, number>();
  const keys: (string | undefined)[] = [];
  const free: number[] = [];
  let characters = 0;
  return {
    enter: (key) => {
      const known = numbers.get(key);
      if (known !== undefined) return known;
      const entity = free.pop() ?? keys.length;
      keys[entity] = key;
      numbers.set(key, entity);
      characters += key.length;
      return entity;
    },
    find: (key) => numbers.get(key) ?? -1,
    forget: (entity) => {
      const key = keys[entity];
      if (key === undefined) return;
      numbers.delete(key);
      characters -= key.length;
      keys[entity] = undefined;
      free.push(entity);
    },
    isKnown: (entity) => keys[entity] !== undefined,
    get end() { return keys.length; },
    get size() { return numbers.size; },
    known: () => numbers.entries(),
    memoryBytes: () => characters * 2 + numbers.size * KEY_OVERHEAD_BYTES,
  };
}
