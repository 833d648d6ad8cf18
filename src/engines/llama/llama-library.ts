/**
 * node-llama-cpp as far as it is used, loaded when a local model is first asked: it is an optional peer of 85 MB, and most
 * installations have no local model. It is looked for beside Strata, then beside the definition.
 */
import { readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { StrataError } from "../../kernel/errors.ts";

export interface GenerationOptions {
  readonly onTextChunk: (text: string) => void;
  readonly signal: AbortSignal;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly customStopTriggers?: readonly string[];
}

export interface Generated {
  readonly response: string;
  readonly metadata: { readonly stopReason: string };
}

export type HistoryItem =
  | { readonly type: "system" | "user"; readonly text: string }
  | { readonly type: "model"; readonly response: readonly string[] };

export interface LlamaSequence {
  readonly tokenMeter: { readonly usedInputTokens: number; readonly usedOutputTokens: number };
  clearHistory(): Promise<void>;
  dispose(): void | Promise<void>;
}

export interface LlamaContext {
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

export interface LlamaEmbeddingContext {
  getEmbeddingFor(input: string): Promise<{ readonly vector: readonly number[] }>;
  calculateInputLength(input: string): number;
  dispose(): Promise<void>;
}

export interface LlamaModel {
  createContext(options: { readonly sequences: number; readonly contextSize?: number | { readonly max: number } }): Promise<LlamaContext>;
  createEmbeddingContext(): Promise<LlamaEmbeddingContext>;
  dispose(): Promise<void>;
}

export interface LlamaLibrary {
  getLlama(options: { readonly gpu: false | "auto"; readonly build: "never"; readonly skipDownload: true; readonly maxThreads: number }): Promise<{
    loadModel(options: { readonly modelPath: string }): Promise<LlamaModel>;
    dispose(): Promise<void>;
  }>;
  readonly LlamaChat: new (options: { readonly contextSequence: LlamaSequence }) => {
    generateResponse(history: readonly HistoryItem[], options: GenerationOptions): Promise<Generated>;
    dispose(options?: { readonly disposeSequence?: boolean }): void;
  };
  readonly LlamaCompletion: new (options: { readonly contextSequence: LlamaSequence }) => {
    generateCompletionWithMeta(prompt: string, options: GenerationOptions): Promise<Generated>;
    dispose(options?: { readonly disposeSequence?: boolean }): void;
  };
}

const PACKAGE: string = "node-llama-cpp"; // a variable, so that the compiler does not look for an optional package

/** RUNTIME_MISSING with what to install. `folder` is the definition's. */
export async function loadLlamaLibrary(folder: string): Promise<LlamaLibrary> {
  try {
    return (await import(PACKAGE)) as LlamaLibrary;
  } catch (thrown) {
    const entry = await entryBeside(folder);
    if (entry === undefined) throw new StrataError("RUNTIME_MISSING", { runtime: "llama.cpp", package: `--omit=optional ${PACKAGE} @node-llama-cpp/linux-x64` }, { cause: thrown });
    return (await import(entry)) as LlamaLibrary;
  }
}

function manifestBeside(folder: string): string | undefined {
  try {
    return findPackageJSON(PACKAGE, pathToFileURL(join(folder, "definition.js")));
  } catch {
    return undefined; // that is how Node says that there is none
  }
}

async function entryBeside(folder: string): Promise<string | undefined> {
  const manifest = manifestBeside(folder);
  if (manifest === undefined) return undefined;
  const { exports } = JSON.parse(await readFile(manifest, "utf8")) as { readonly exports: { readonly ".": { readonly import: string } } };
  return pathToFileURL(join(dirname(manifest), exports["."].import)).href;
}
