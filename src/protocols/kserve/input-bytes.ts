/** Raw bytes of a request as tensors: what does not fit is the caller's mistake, said with the input's name. */
import type { Tensor } from "../../kernel/tensor.ts";
import { tensorFromBytes } from "../../kernel/tensor-bytes.ts";
import type { TensorShape } from "../../kernel/tensor-bytes.ts";
import { refuse } from "./refusal.ts";

const refuseInput = (name: string, problem: string): never => refuse(`input "${name}" ${problem}`);

/** A tensor over the bytes, a view of them where their place in memory allows it. INFERENCE_INVALID when they do not fit the shape. */
export function inputFromBytes(shape: TensorShape, bytes: Uint8Array): Tensor {
  const tensor = tensorFromBytes(shape, bytes, refuseInput);
  if (shape.datatype === "BOOL") checkTruths(shape.name, bytes);
  return tensor;
}

function checkTruths(name: string, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 1) refuseInput(name, `holds the byte ${bytes[i]} at position ${i}; BOOL is 0 or 1`);
}
