/** Dense numbers for names, in order of first appearance, so that state is arrays. The numbers never decide an order. */
export interface Names {
  readonly count: number;
  /** The name's number; a new one when it was not seen before. */
  add(name: string): number;
  find(name: string): number | undefined;
  name(number: number): string;
  readonly all: readonly string[];
}

export function createNames(known: readonly string[] = []): Names {
  const all = [...known];
  const numbers = new Map(all.map((name, number) => [name, number]));
  return {
    all,
    get count() { return all.length; },
    add: (name) => {
      const number = numbers.get(name);
      if (number !== undefined) return number;
      numbers.set(name, all.length);
      return all.push(name) - 1;
    },
    find: (name) => numbers.get(name),
    name: (number) => all[number]!,
  };
}

/** Order by code units: the same on every machine, unlike a locale's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
