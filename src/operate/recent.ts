/** The latest values only: what is observed is bounded, however long it is observed. */

export interface Recent<T> {
  add(value: T): void;
  /** Oldest first. */
  all(): readonly T[];
}

export function createRecent<T>(saved: readonly T[] = [], most = 10_000): Recent<T> {
  let values: T[] = [...saved];
  return {
    add: (value) => {
      values.push(value);
      if (values.length > most * 1.25) values = values.slice(-most);
    },
    all: () => values,
  };
}
