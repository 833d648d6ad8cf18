/** Inputs full of zeros that fit a signature, one row each: to warm a session up and to see how long it takes. */
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";

export function blankInputs(specs: readonly TensorSpec[]): readonly Tensor[] {
  return specs.map(({ name, datatype, shape: declared }) => {
    const shape = declared.map((size) => (size === -1 ? 1 : size));
    const length = elementCount(shape);
    const data = datatype === "BYTES" ? Array.from({ length }, () => new Uint8Array(0)) : new DATATYPES[datatype].array(length);
    return { name, datatype, shape, data };
  });
}
