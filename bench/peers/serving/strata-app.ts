/** The model of the comparison as a Strata application; model.onnx stands beside this file's copy. */
import { defineApplication, defineServedModel, onnxModel } from "strata";

export default defineApplication("peers", [defineServedModel("trees", { source: onnxModel("model.onnx") })]);
