/** The definition as the command line sees it: load it from its file, describe it as plain data, compare two of them. */
export { describeApplication, diffDefinitions, hashApplication } from "../define/index.ts";
export type { Application, ApplicationDocument, ResourceChange, ResourceDocument, ResourceKind, ValueChange } from "../define/index.ts";
export { loadDefinition } from "./definition-loader.ts";
