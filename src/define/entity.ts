/** An entity is something features describe: a customer, an item. Its key is text. */

export interface Entity<Name extends string = string> {
  readonly kind: "entity";
  readonly name: Name;
  readonly description: string;
}

/** Declares an entity; its name is the name of its key in requests and training sets. */
export function defineEntity<const Name extends string>(name: Name, options: { readonly description?: string } = {}): Entity<Name> {
  return Object.freeze({ kind: "entity" as const, name, description: options.description ?? "" });
}

/** Separates the parts of a key over several entities; refused inside a key. */
export const KEY_SEPARATOR = "\u001f";
