/** REST: every datatype, in JSON and in binary, with its extremes, in and out. */
import { casesOf } from "../conformance-case.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { binaryBody, binaryOutputs, flat, inputText, outputNamed, requestText } from "../requests.ts";
import { identityName } from "../reference-models.ts";
import { parseExactly } from "../../exact-json.ts";
import { VECTORS, bytesOfVector } from "../vectors.ts";
import type { Vector } from "../vectors.ts";

const pathOf = ({ datatype }: Vector): string => `/v2/models/${identityName(datatype)}/infer`;
const SHAPE = [2, 2];
const BINARY_OUT = `,"parameters":{"binary_data_output":true}`;

const jsonVectors = VECTORS.filter((vector) => vector.json !== undefined);
const jsonRequest = (vector: Vector, data: string, more = ""): string => requestText([inputText({ datatype: vector.datatype, shape: SHAPE, data })], more);

/** Numbers are the same value in any notation; 64-bit integers as bigint where they need it. */
const valuesOf = ({ json }: Vector): unknown => parseExactly(`[${json!.join(",")}]`);

export const REST_DATATYPES: readonly ConformanceCase[] = casesOf({ area: "datatypes in JSON", transport: "rest", prefix: "rest.json", section: "REST: Tensor Data Types" }, [
  ...jsonVectors.map((vector) => ({
    id: vector.datatype.toLowerCase(), title: `${vector.datatype} flat, extremes exactly`, needs: [identityName(vector.datatype)], run: async ({ rest }, check) => {
      const answer = await rest.post(pathOf(vector), jsonRequest(vector, `[${vector.json!.join(",")}]`));
      check.equal("status", answer.status, 200);
      check.equal("datatype", outputNamed(answer, "OUTPUT0").datatype, vector.datatype);
      check.equal("data", flat(outputNamed(answer, "OUTPUT0").data), valuesOf(vector));
    },
  }) satisfies Partial<ConformanceCase>),
  ...jsonVectors.map((vector) => ({
    id: `${vector.datatype.toLowerCase()}-nested`, title: `${vector.datatype} nested`, needs: [identityName(vector.datatype)], run: async ({ rest }, check) => {
      const [a, b, c, d] = vector.json!;
      const answer = await rest.post(pathOf(vector), jsonRequest(vector, `[[${a},${b}],[${c},${d}]]`));
      check.equal("shape", outputNamed(answer, "OUTPUT0").shape, SHAPE);
      check.equal("data", flat(outputNamed(answer, "OUTPUT0").data), valuesOf(vector));
    },
  }) satisfies Partial<ConformanceCase>),
]);

export const REST_BINARY_DATATYPES: readonly ConformanceCase[] = casesOf({ area: "datatypes in binary", transport: "rest", prefix: "rest.binary", section: "Binary tensor data extension", extension: "binary_tensor_data" }, VECTORS.flatMap((vector) => {
  const needs = [identityName(vector.datatype)];
  const name = vector.datatype.toLowerCase();
  const bytes = bytesOfVector(vector);
  const input = inputText({ datatype: vector.datatype, shape: SHAPE, sizeBytes: bytes.length });
  return [
    {
      id: name, title: `${vector.datatype} in binary both ways, byte for byte`, needs, run: async ({ rest }, check) => {
        const { body, headers } = binaryBody(requestText([input], BINARY_OUT), bytes);
        const answer = await rest.send({ path: pathOf(vector), body, headers });
        check.equal("status", answer.status, 200);
        check.equal("bytes", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), bytes.toString("hex"));
      },
    } satisfies Partial<ConformanceCase>,
    ...(vector.json === undefined ? [] : [
      {
        id: `${name}-in`, title: `${vector.datatype} in binary, out in JSON`, needs, run: async ({ rest }, check) => {
          const { body, headers } = binaryBody(requestText([input]), bytes);
          const answer = await rest.send({ path: pathOf(vector), body, headers });
          check.equal("data", flat(outputNamed(answer, "OUTPUT0").data), valuesOf(vector));
        },
      } satisfies Partial<ConformanceCase>,
      {
        id: `${name}-out`, title: `${vector.datatype} in JSON, out in binary`, needs, run: async ({ rest }, check) => {
          const answer = await rest.post(pathOf(vector), jsonRequest(vector, `[${vector.json!.join(",")}]`, BINARY_OUT));
          check.equal("bytes", binaryOutputs(answer).get("OUTPUT0")?.toString("hex"), bytes.toString("hex"));
        },
      } satisfies Partial<ConformanceCase>,
    ]),
  ];
}));
