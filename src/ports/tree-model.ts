/**
 * The stored form of a tree ensemble: the contract between the trainer (modelops), which writes it, and the
 * tree runtime (engines), which reads it. It lives with the ports because neither side may import the other.
 *
 * Meaning of a row `x`: start at a tree's first node; a numeric node sends `x[feature] <= threshold` left and
 * NaN to the side `missingLeft` names; a categorical node sends the listed codes left and everything else
 * (other codes, fractions, negative numbers, NaN) right. Tree `t` adds its leaf value to raw score `t % outputs`.
 */
import { crc32 } from "node:zlib";
import type { Objective } from "../define/trainer.ts";
import { StrataError, reasonOf } from "../kernel/errors.ts";

export interface TreeModelInput {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  /** Names of the codes of a categorical input, for people; scoring uses the codes. */
  readonly categories?: readonly string[];
}

/** All nodes of all trees, tree after tree, one array per field. A node's right child is `left + 1`, and children come after parents. */
export interface TreeNodes {
  /** First node of each tree, and one past the last node: trees + 1 entries. */
  readonly treeStarts: Uint32Array;
  /** Input column tested here; -1 marks a leaf. */
  readonly feature: Int32Array;
  readonly threshold: Float64Array;
  /** Leaf values, shrinkage included; 0 in inner nodes. */
  readonly value: Float64Array;
  /** Left child, counted from the start of these arrays; 0 in leaves. */
  readonly left: Uint32Array;
  /** 1 when NaN goes left at this numeric node. */
  readonly missingLeft: Uint8Array;
  /** Node i lists `categories[categoryStarts[i] .. categoryStarts[i + 1])`, ascending; numeric nodes list none. */
  readonly categoryStarts: Uint32Array;
  readonly categories: Uint32Array;
  /** Loss reduction of the split (see the trainer's minGain), for importances; 0 in leaves. */
  readonly gain: Float64Array;
  /** Training rows that reached the node, for explanations. */
  readonly rows: Uint32Array;
}

export interface TreeModel {
  readonly objective: Objective;
  readonly inputs: readonly TreeModelInput[];
  /** Raw scores per row: the number of classes for multiclass, otherwise 1. */
  readonly outputs: number;
  /** Raw score before any tree, one per output. */
  readonly baseScores: Float64Array;
  readonly nodes: TreeNodes;
}

/** Category codes stay below 2^24 so that float32, which ONNX uses, holds each of them exactly. */
export const CATEGORY_CODE_LIMIT = 2 ** 24;

export const treeCount = (model: TreeModel): number => model.nodes.treeStarts.length - 1;
export const nodeCount = (model: TreeModel): number => model.nodes.feature.length;

const MAGIC = 0x53545245; // "STRE"
const FORMAT_VERSION = 1;
const PREAMBLE_BYTES = 16; // magic, version, header bytes, CRC-32 of everything after the preamble

interface Header {
  readonly objective: Objective;
  readonly inputs: readonly TreeModelInput[];
  readonly outputs: number;
  readonly trees: number;
  readonly nodes: number;
  readonly categories: number;
}

type Section = Float64Array | Uint32Array | Int32Array | Uint8Array;
type SectionType = { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): Section };

/** The body: these arrays in this order, little-endian, each padded to eight bytes. */
const sectionsOf = (header: Header): readonly (readonly [SectionType, number])[] => [
  [Float64Array, header.outputs], [Uint32Array, header.trees + 1], [Int32Array, header.nodes], [Float64Array, header.nodes],
  [Float64Array, header.nodes], [Uint32Array, header.nodes], [Uint8Array, header.nodes], [Uint32Array, header.nodes + 1],
  [Uint32Array, header.categories], [Float64Array, header.nodes], [Uint32Array, header.nodes],
];
const arraysOf = ({ baseScores, nodes }: TreeModel): readonly Section[] => [
  baseScores, nodes.treeStarts, nodes.feature, nodes.threshold, nodes.value, nodes.left, nodes.missingLeft,
  nodes.categoryStarts, nodes.categories, nodes.gain, nodes.rows,
];

const padded = (bytes: number): number => (bytes + 7) & ~7;

/** The artifact's bytes. Equal models give equal bytes on every (little-endian) machine. */
export function encodeTreeModel(model: TreeModel): Uint8Array {
  const header: Header = {
    objective: model.objective, inputs: model.inputs, outputs: model.outputs,
    trees: treeCount(model), nodes: nodeCount(model), categories: model.nodes.categories.length,
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const arrays = arraysOf(model);
  const size = arrays.reduce((sum, array) => sum + padded(array.byteLength), PREAMBLE_BYTES + padded(headerBytes.length));
  const bytes = new Uint8Array(size);
  bytes.set(headerBytes, PREAMBLE_BYTES);
  let at = PREAMBLE_BYTES + padded(headerBytes.length);
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  const view = new DataView(bytes.buffer);
  [MAGIC, FORMAT_VERSION, headerBytes.length, crc32(bytes.subarray(PREAMBLE_BYTES))].forEach((word, i) => view.setUint32(4 * i, word, true));
  return bytes;
}

/** Reads and fully checks an artifact, so that scoring needs no checks. Raises MODEL_ARTIFACT_INVALID. */
export function decodeTreeModel(bytes: Uint8Array, describe: { readonly model: string; readonly version: number }): TreeModel {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new StrataError("MODEL_ARTIFACT_INVALID", { ...describe, reason }, cause === undefined ? {} : { cause });
  };
  if (bytes.length < PREAMBLE_BYTES) return refuse(`it has ${bytes.length} bytes, less than a preamble`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return refuse("it is not a tree ensemble");
  if (view.getUint32(4, true) !== FORMAT_VERSION) return refuse(`its format is version ${view.getUint32(4, true)}, this build reads ${FORMAT_VERSION}`);
  if (crc32(bytes.subarray(PREAMBLE_BYTES)) !== view.getUint32(12, true)) return refuse("its checksum does not match");
  const headerEnd = PREAMBLE_BYTES + view.getUint32(8, true);
  let header: Header;
  try {
    header = headerOf(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(PREAMBLE_BYTES, headerEnd))));
  } catch (thrown) {
    return refuse(`its header cannot be read: ${reasonOf(thrown)}`, thrown);
  }
  const bodyBytes = sectionsOf(header).reduce((sum, [type, length]) => sum + padded(type.BYTES_PER_ELEMENT * length), 0);
  if (padded(headerEnd) + bodyBytes !== bytes.length) return refuse(`it has ${bytes.length} bytes, its header promises ${padded(headerEnd) + bodyBytes}`);
  const model = readSections(header, bytes, padded(headerEnd));
  const problem = treeModelProblem(model);
  return problem === undefined ? model : refuse(problem);
}

function readSections(header: Header, bytes: Uint8Array, start: number): TreeModel {
  let at = start;
  const take = <T extends Section>([Type, length]: readonly [SectionType, number]): T => {
    const size = Type.BYTES_PER_ELEMENT * length;
    const copy = new Uint8Array(size); // a copy is aligned, and does not keep the caller's buffer alive
    copy.set(bytes.subarray(at, at + size));
    at += padded(size);
    return new Type(copy.buffer) as T; // the table above gives each section its type
  };
  const [base, starts, feature, threshold, value, left, missingLeft, categoryStarts, categories, gain, rows] = sectionsOf(header);
  return {
    objective: header.objective, inputs: header.inputs, outputs: header.outputs, baseScores: take(base!),
    nodes: {
      treeStarts: take(starts!), feature: take(feature!), threshold: take(threshold!), value: take(value!), left: take(left!),
      missingLeft: take(missingLeft!), categoryStarts: take(categoryStarts!), categories: take(categories!), gain: take(gain!), rows: take(rows!),
    },
  };
}

function headerOf(parsed: unknown): Header {
  if (typeof parsed !== "object" || parsed === null) throw new TypeError("it is not an object");
  const header = parsed as Header; // every member is checked here or in treeModelProblem
  for (const count of ["outputs", "trees", "nodes", "categories"] as const) {
    if (!Number.isSafeInteger(header[count]) || header[count] < 0) throw new TypeError(`${count} is not a count`);
  }
  if (!Array.isArray(header.inputs)) throw new TypeError("inputs is not a list");
  return header;
}

/** The first rule of the format this model breaks, as a sentence; undefined when it is sound. */
export function treeModelProblem(model: TreeModel): string | undefined {
  const { nodes } = model;
  return inputsProblem(model) ?? startsProblem(model) ?? firstDefined(nodes.feature.length, (node) => nodeProblem(model, node)) ?? shapeProblem(nodes);
}

function inputsProblem({ objective, inputs, outputs, baseScores }: TreeModel): string | undefined {
  if (!["binary", "regression", "multiclass", "lambdarank"].includes(objective)) return `objective "${objective}" is not known`;
  if (inputs.length === 0) return "it has no inputs";
  if (inputs.some((input) => typeof input?.name !== "string" || (input.kind !== "numeric" && input.kind !== "categorical"))) return "an input has no name or kind";
  if (new Set(inputs.map((input) => input.name)).size !== inputs.length) return "two inputs have the same name";
  if (objective === "multiclass" ? outputs < 2 : outputs !== 1) return `objective ${objective} does not fit ${outputs} output(s)`;
  return baseScores.length === outputs && baseScores.every(Number.isFinite) ? undefined : "the base scores are not finite numbers";
}

function startsProblem({ outputs, nodes }: TreeModel): string | undefined {
  const { treeStarts, categoryStarts, categories } = nodes;
  const trees = treeStarts.length - 1;
  if (trees % outputs !== 0) return `${trees} trees are not a multiple of ${outputs} outputs`;
  if (treeStarts[0] !== 0 || treeStarts[trees] !== nodes.feature.length) return "the trees do not cover the nodes";
  if (treeStarts.some((start, tree) => tree > 0 && start <= treeStarts[tree - 1]!)) return "a tree has no nodes";
  if (categoryStarts[0] !== 0 || categoryStarts.at(-1) !== categories.length) return "the category lists do not cover the categories";
  return categoryStarts.some((start, node) => node > 0 && start < categoryStarts[node - 1]!) ? "a category list has a negative length" : undefined;
}

function nodeProblem({ inputs, nodes }: TreeModel, node: number): string | undefined {
  const feature = nodes.feature[node]!;
  const from = nodes.categoryStarts[node]!, to = nodes.categoryStarts[node + 1]!;
  if (feature < 0) return feature === -1 && Number.isFinite(nodes.value[node]) && nodes.left[node] === 0 && from === to ? undefined : `leaf ${node} is not well formed`;
  const input = inputs[feature];
  if (!input) return `node ${node} tests column ${feature}, and there are ${inputs.length}`;
  if (input.kind === "numeric") return Number.isFinite(nodes.threshold[node]) && from === to ? undefined : `node ${node} has no finite threshold`;
  if (from === to) return `categorical node ${node} lists no category`;
  for (let i = from; i < to; i++) {
    if (nodes.categories[i]! >= CATEGORY_CODE_LIMIT || (i > from && nodes.categories[i]! <= nodes.categories[i - 1]!)) return `the categories of node ${node} are not ascending codes`;
  }
  return undefined;
}

/** Every node but a tree's first must be the child of exactly one earlier node of the same tree: no cycles, no strays. */
function shapeProblem({ treeStarts, feature, left }: TreeNodes): string | undefined {
  const parents = new Uint8Array(feature.length + 1);
  for (let tree = 0; tree + 1 < treeStarts.length; tree++) {
    const end = treeStarts[tree + 1]!;
    for (let node = treeStarts[tree]!; node < end; node++) {
      if (feature[node] === -1) continue;
      const child = left[node]!;
      if (child <= node || child + 1 >= end) return `the children of node ${node} lie outside its tree`;
      if (parents[child]! + parents[child + 1]! > 0) return `node ${child} has two parents`;
      parents[child] = 1;
      parents[child + 1] = 1;
    }
    const stray = firstDefined(end - treeStarts[tree]! - 1, (i) => (parents[treeStarts[tree]! + 1 + i] === 0 ? i : undefined));
    if (stray !== undefined) return `node ${treeStarts[tree]! + 1 + stray} has no parent`;
  }
  return undefined;
}

function firstDefined<T>(count: number, check: (index: number) => T | undefined): T | undefined {
  for (let i = 0; i < count; i++) {
    const found = check(i);
    if (found !== undefined) return found;
  }
  return undefined;
}
