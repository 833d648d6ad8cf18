/** From a TypeScript module to one that a browser loads: types become blanks (lines and columns stay), imports name .js. */
import { stripTypeScriptTypes } from "node:module";

const RELATIVE_IMPORT = /(\b(?:from|import)\s*\(?\s*)(["'])(\.{1,2}\/[^"'\n]+)\.ts\2/g;

/** Only erasable TypeScript; throws a SyntaxError for the rest. */
export function browserScript(source: string): string {
  return stripTypeScriptTypes(source).replace(RELATIVE_IMPORT, "$1$2$3.js$2");
}
