/** The gateway of the comparison as a Strata application: one language model at the mock upstream. */
import { defineApplication, defineLanguageModel, defineUpstream, target } from "strata";

// 512 streams at once need as many connections; the default keeps 256
const mock = defineUpstream("mock", { url: process.env["MOCK_URL"] ?? "", connections: 1_024 });

export default defineApplication("peers", [
  defineLanguageModel("mock-model", { targets: [target(mock, { model: "mock-model", inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6 })] }),
]);
