/**
 * Four values of each datatype, the extremes among them, in every form they travel in: JSON text, little-endian bytes,
 * gRPC contents. Written out by hand, so that no code under test makes its own judge.
 */
import type { Datatype } from "../../../kernel/tensor.ts";

export interface Vector {
  readonly datatype: Datatype;
  /** Four JSON values; undefined for datatypes without a JSON form. */
  readonly json: readonly [string, string, string, string] | undefined;
  /** The bytes of the four, in hexadecimal, spaces between elements. */
  readonly hex: string;
  /** The member of InferTensorContents and its four values; undefined for datatypes that travel raw only. */
  readonly contents: { readonly member: string; readonly values: readonly unknown[] } | undefined;
}

export const VECTORS: readonly Vector[] = [
  { datatype: "BOOL", json: ["true", "false", "false", "true"], hex: "01 00 00 01", contents: { member: "bool_contents", values: [true, false, false, true] } },
  { datatype: "UINT8", json: ["0", "1", "128", "255"], hex: "00 01 80 ff", contents: { member: "uint_contents", values: [0, 1, 128, 255] } },
  { datatype: "UINT16", json: ["0", "1", "32768", "65535"], hex: "0000 0100 0080 ffff", contents: { member: "uint_contents", values: [0, 1, 32_768, 65_535] } },
  { datatype: "UINT32", json: ["0", "1", "2147483648", "4294967295"], hex: "00000000 01000000 00000080 ffffffff", contents: { member: "uint_contents", values: [0, 1, 2_147_483_648, 4_294_967_295] } },
  {
    datatype: "UINT64", json: ["0", "9007199254740993", "9223372036854775808", "18446744073709551615"], hex: "0000000000000000 0100000000002000 0000000000000080 ffffffffffffffff",
    contents: { member: "uint64_contents", values: ["0", "9007199254740993", "9223372036854775808", "18446744073709551615"] },
  },
  { datatype: "INT8", json: ["-128", "-1", "0", "127"], hex: "80 ff 00 7f", contents: { member: "int_contents", values: [-128, -1, 0, 127] } },
  { datatype: "INT16", json: ["-32768", "-1", "0", "32767"], hex: "0080 ffff 0000 ff7f", contents: { member: "int_contents", values: [-32_768, -1, 0, 32_767] } },
  { datatype: "INT32", json: ["-2147483648", "-1", "0", "2147483647"], hex: "00000080 ffffffff 00000000 ffffff7f", contents: { member: "int_contents", values: [-2_147_483_648, -1, 0, 2_147_483_647] } },
  {
    datatype: "INT64", json: ["-9223372036854775808", "-9007199254740993", "9007199254740993", "9223372036854775807"], hex: "0000000000000080 ffffffffffffdfff 0100000000002000 ffffffffffffff7f",
    contents: { member: "int64_contents", values: ["-9223372036854775808", "-9007199254740993", "9007199254740993", "9223372036854775807"] },
  },
  { datatype: "FP16", json: undefined, hex: "003c 00c0 0000 ff7b", contents: undefined },
  { datatype: "BF16", json: undefined, hex: "803f 00c0 0000 7f7f", contents: undefined },
  { datatype: "FP32", json: ["1.5", "-2", "0", "0.25"], hex: "0000c03f 000000c0 00000000 0000803e", contents: { member: "fp32_contents", values: [1.5, -2, 0, 0.25] } },
  {
    datatype: "FP64", json: ["0.1", "-2", "5e-324", "1.7976931348623157e308"], hex: "9a9999999999b93f 00000000000000c0 0100000000000000 ffffffffffffef7f",
    contents: { member: "fp64_contents", values: [0.1, -2, 5e-324, 1.797_693_134_862_315_7e308] },
  },
  {
    datatype: "BYTES", json: ["\"\"", "\"a\"", "\"ä€😀\"", "\"\\\"\\\\\\n\""], hex: "00000000 0100000061 09000000c3a4e282acf09f9880 03000000225c0a",
    contents: { member: "bytes_contents", values: [Buffer.alloc(0), Buffer.from("61", "hex"), Buffer.from("c3a4e282acf09f9880", "hex"), Buffer.from("225c0a", "hex")] },
  },
];

export const vectorOf = (datatype: Datatype): Vector => VECTORS.find((vector) => vector.datatype === datatype)!; // every datatype is in the table

export const bytesOfVector = ({ hex }: Vector): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
