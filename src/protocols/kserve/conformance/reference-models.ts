/**
 * The models that the conformance suite asks. `simple`, `simple_string` and `simple_identity` are those of Triton's
 * example repository, so the suite finds work on such a server too. Each is a few lines, so that what is judged is the
 * protocol around it. A server that lacks one skips the cases that need it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { defineServedModel, functionModel, tensor } from "../../../define/index.ts";
import type { ServedModel, TensorValue } from "../../../define/index.ts";
import type { Datatype } from "../../../kernel/tensor.ts";

/** Datatypes with an `identity_…` model: all. */
export const IDENTITY_DATATYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32", "FP64", "BYTES"] as const satisfies readonly Datatype[];

/** identity_fp32: INPUT0 [-1, -1] → OUTPUT0, the same. */
export const identityName = (datatype: Datatype): string => `identity_${datatype.toLowerCase()}`;

function identity(datatype: Datatype): ServedModel {
  return defineServedModel(identityName(datatype), {
    source: functionModel({
      inputs: { INPUT0: tensor(datatype, [-1, -1]) }, outputs: { OUTPUT0: tensor(datatype, [-1, -1]) },
      infer: ({ INPUT0 }) => ({ OUTPUT0: INPUT0 }),
    }),
  });
}

type Ints = TensorValue<"INT32">;
type Texts = TensorValue<"BYTES">;

const ints = (a: Ints, b: Ints, combine: (x: number, y: number) => number): Ints => ({ shape: a.shape, data: a.data.map((value, at) => combine(value, b.data[at]!)) });
const number = (text: Uint8Array): number => Number(Buffer.from(text).toString());
const texts = (a: Texts, b: Texts, combine: (x: number, y: number) => number): Texts => ({ shape: a.shape, data: a.data.map((text, at) => Buffer.from(String(combine(number(text), number(b.data[at]!))))) });
const plus = (x: number, y: number): number => x + y;
const minus = (x: number, y: number): number => x - y;

/** Sixteen integers and sixteen more: their sums and differences. */
const simple = defineServedModel("simple", {
  batching: { maxRows: 8 },
  source: functionModel({
    inputs: { INPUT0: tensor("INT32", [-1, 16]), INPUT1: tensor("INT32", [-1, 16]) }, outputs: { OUTPUT0: tensor("INT32", [-1, 16]), OUTPUT1: tensor("INT32", [-1, 16]) },
    infer: ({ INPUT0, INPUT1 }) => ({ OUTPUT0: ints(INPUT0, INPUT1, plus), OUTPUT1: ints(INPUT0, INPUT1, minus) }),
  }),
});

/** The same with the numbers as text. */
const simpleString = defineServedModel("simple_string", {
  batching: { maxRows: 8 },
  source: functionModel({
    inputs: { INPUT0: tensor("BYTES", [-1, 16]), INPUT1: tensor("BYTES", [-1, 16]) }, outputs: { OUTPUT0: tensor("BYTES", [-1, 16]), OUTPUT1: tensor("BYTES", [-1, 16]) },
    infer: ({ INPUT0, INPUT1 }) => ({ OUTPUT0: texts(INPUT0, INPUT1, plus), OUTPUT1: texts(INPUT0, INPUT1, minus) }),
  }),
});

const simpleIdentity = defineServedModel("simple_identity", {
  source: functionModel({ inputs: { INPUT0: tensor("BYTES", [-1, -1]) }, outputs: { OUTPUT0: tensor("BYTES", [-1, -1]) }, infer: ({ INPUT0 }) => ({ OUTPUT0: INPUT0 }) }),
});

/** Those of Triton's example repository. */
export const TRITON_MODELS: readonly ServedModel[] = [simple, simpleString, simpleIdentity];

/** Rows of four floats, for raw bodies: one dimension of any size. */
const rows = defineServedModel("rows", {
  source: functionModel({ inputs: { INPUT0: tensor("FP32", [-1, 4]) }, outputs: { OUTPUT0: tensor("FP32", [-1, 4]) }, infer: ({ INPUT0 }) => ({ OUTPUT0: INPUT0 }) }),
});

/** Waits as many milliseconds as it is told and answers the number. One at a time, and only one more may wait. */
const slow = defineServedModel("slow", {
  batching: { maxRows: 1, maxQueueRows: 1 },
  source: functionModel({
    inputs: { INPUT0: tensor("FP32", [-1, 1]) }, outputs: { OUTPUT0: tensor("FP32", [-1, 1]) }, isBatchable: false,
    infer: async ({ INPUT0 }) => {
      await sleep(Math.min(INPUT0.data[0] ?? 0, LONGEST_WAIT_MS));
      return { OUTPUT0: INPUT0 };
    },
  }),
});

const LONGEST_WAIT_MS = 5_000;

const failing = defineServedModel("failing", {
  source: functionModel({
    inputs: { INPUT0: tensor("FP32", [-1, 1]) }, outputs: { OUTPUT0: tensor("FP32", [-1, 1]) },
    infer: () => { throw new Error("this model always fails"); },
  }),
});

/** A version answers its own number. */
const numbered = (version: number) => functionModel({
  inputs: { INPUT0: tensor("INT32", [-1, 1]) }, outputs: { OUTPUT0: tensor("INT32", [-1, 1]) },
  infer: ({ INPUT0 }) => ({ OUTPUT0: { shape: INPUT0.shape, data: INPUT0.data.map(() => version) } }),
});
const versioned = defineServedModel("versioned", { versions: { 1: numbered(1), 2: numbered(2) }, policy: { kind: "all" }, aliases: { stable: "1" } });

/** Loaded and unloaded by the suite; nothing else may use it. */
const loadable = defineServedModel("loadable", { source: numbered(1), batching: { maxRows: 8 } });

export const REFERENCE_MODELS: readonly ServedModel[] = [
  ...IDENTITY_DATATYPES.map(identity), ...TRITON_MODELS, rows, slow, failing, versioned, loadable,
];
