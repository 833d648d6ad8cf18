/**
 * Statements of the portable subset as PostgreSQL must read them to store the same values: whole numbers in 64 bits (times in
 * milliseconds do not fit its 32-bit "integer"), "real" in double precision, and text ordered by its bytes as SQLite
 * does, not by a language.
 */

const TYPES: Readonly<Record<string, string>> = { integer: "bigint", real: "double precision", blob: "bytea", text: 'text collate "C"' };

/** A type stands after a column's name. Quoted text is left alone. */
const COLUMN = /'(?:[^']|'')*'|("(?:[^"]|"")*"|\b[a-z_]\w*)(\s+)(integer|real|blob|text)\b/gi;

export function toPostgres(statement: string): string {
  if (!/^\s*(?:create|alter)\s+table\b/i.test(statement)) return statement;
  return statement.replaceAll(COLUMN, (whole, name: string | undefined, space: string, type: string) => (name === undefined ? whole : `${name}${space}${TYPES[type.toLowerCase()]}`));
}
