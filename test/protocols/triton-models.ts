/** The models that Triton's example scripts ask for, as Strata definitions. */
import { defineApplication, defineServedModel, functionModel, tensor } from "strata";
import { TRITON_MODELS } from "../../src/protocols/kserve/conformance/reference-models.ts";

const simpleInt8 = defineServedModel("simple_int8", {
  batching: { maxRows: 8 },
  source: functionModel({
    inputs: { INPUT0: tensor("INT8", [-1, 16]), INPUT1: tensor("INT8", [-1, 16]) }, outputs: { OUTPUT0: tensor("INT8", [-1, 16]), OUTPUT1: tensor("INT8", [-1, 16]) },
    infer: ({ INPUT0, INPUT1 }) => ({ OUTPUT0: { shape: INPUT0.shape, data: INPUT0.data.map((value, at) => value + INPUT1.data[at]!) }, OUTPUT1: { shape: INPUT0.shape, data: INPUT0.data.map((value, at) => value - INPUT1.data[at]!) } }),
  }),
});

/** Adds 1 to the first value of a sequence, as Triton's example backend does; the dynamic one adds the sequence's id to its last. */
const sequence = (name: string, isDynamic: boolean) => defineServedModel(name, {
  source: functionModel({
    inputs: { INPUT: tensor("INT32", [-1, 1]) }, outputs: { OUTPUT: tensor("INT32", [-1, 1]) },
    infer: ({ INPUT }, { parameters }) => {
      const more = (parameters["sequence_start"] === true ? 1 : 0) + (isDynamic && parameters["sequence_end"] === true ? Number(parameters["sequence_id"]) : 0);
      return { OUTPUT: { shape: INPUT.shape, data: INPUT.data.map((value) => value + more) } };
    },
  }),
});

/** Stands for an image classifier: the interface of DenseNet, with the mean of the picture as the score of every class. */
const densenet = defineServedModel("densenet_onnx", {
  source: functionModel({
    inputs: { data_0: tensor("FP32", [3, 224, 224]) }, outputs: { fc6_1: tensor("FP32", [1000]) }, isBatchable: false,
    infer: ({ data_0 }) => ({ fc6_1: { shape: [1000], data: new Float32Array(1000).fill(data_0.data.reduce((sum, value) => sum + value, 0) / data_0.data.length) } }),
  }),
});

const seven = [...TRITON_MODELS, simpleInt8, sequence("simple_sequence", false), sequence("simple_dyna_sequence", true), densenet];

export const sevenModels = defineApplication("triton", seven);
/** The gRPC script of model control was written for a repository with one more. */
export const eightModels = defineApplication("triton", [...seven, sequence("simple_string_dyna_sequence", true)]);
