/** The gateway of the comparison as a Strata application: one language model at the mock upstream. */
import { defineApplication, defineLanguageModel, defineUpstream, target } from "strata";

const mock = defineUpstream("mock", { url: process.env["MOCK_URL"] ?? "" });

export default defineApplication("peers", [
  defineLanguageModel("mock-model", { targets: [target(mock, { model: "mock-model", inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6 })] }),
]);
