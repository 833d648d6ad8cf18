/**
 * An event's copy in a repartitioned view's log: its id names the source and the offset there. Whoever copies a source
 * copies it in order and starts no later than the saved position, so in the copy's log an offset that is not above the
 * highest seen of its source is a repetition: of a worker that died before it saved, or of one that did not know that it
 * had been replaced.
 */

export interface CopyOrigin {
  readonly source: string;
  readonly offset: number;
}

export const copyId = ({ source, offset }: CopyOrigin): string => `${offset}@${source}`;

export function readCopyId(id: string): CopyOrigin {
  const at = id.indexOf("@");
  return { source: id.slice(at + 1), offset: Number(id.slice(0, at)) };
}

/** Under this name a position keeps one past the highest offset of a source. */
const FROM = "from:";

export interface CopyFilter {
  /** True the first time; remembers. */
  isNew(id: string): boolean;
  /** To be stored with the state. */
  offsets(): Readonly<Record<string, number>>;
}

export function createCopyFilter(stored: Readonly<Record<string, number>>): CopyFilter {
  const next = new Map(Object.entries(stored).filter(([name]) => name.startsWith(FROM)));
  return {
    isNew: (id) => {
      const { source, offset } = readCopyId(id);
      const name = `${FROM}${source}`;
      if (offset < (next.get(name) ?? 0)) return false;
      next.set(name, offset + 1);
      return true;
    },
    offsets: () => Object.fromEntries(next),
  };
}
