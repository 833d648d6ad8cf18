/**
 * gRPC messages and services as data. Each field is "number type name"; `repeated` and `map` (from text) stand before
 * the type, `of` names the oneof a field belongs to. On the wire a message's name does not appear, so messages that a
 * protocol nests in others stand beside them.
 */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";

export type Messages = Readonly<Record<string, readonly string[]>>;

export const messages = (all: Messages) => Object.fromEntries(Object.entries(all).map(([name, fields]) => [name, message(fields)]));

export const method = (name: string, request: string, response: string, streams: { readonly requestStream?: boolean; readonly responseStream?: boolean } = {}) => [name, { requestType: request, responseType: response, ...streams }] as const;

function message(fields: readonly string[]) {
  const oneofs: Record<string, { oneof: string[] }> = {};
  const described = fields.map((text) => {
    const [, id, rule, type = "", name = "", oneof] = /^(\d+) (?:(repeated|map) )?(\S+) (\w+)(?: of (\w+))?$/.exec(text) ?? [];
    if (oneof !== undefined) (oneofs[oneof] ??= { oneof: [] }).oneof.push(name);
    return [name, { id: Number(id), type, ...(rule === "map" ? { keyType: "string" } : rule === undefined ? {} : { rule }) }] as const;
  });
  return { fields: Object.fromEntries(described), ...(Object.keys(oneofs).length === 0 ? {} : { oneofs }) };
}

/**
 * Services by their full names: paths, and how messages of each method are written and read. 64-bit integers come as
 * text, so that none is rounded; what is not on the wire comes as its default.
 */
export function loadServices(nested: object): Readonly<Record<string, ServiceDefinition>> {
  const description = { nested } as Parameters<typeof fromJSON>[0]; // its type knows no optional members that are left out
  return fromJSON(description, { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }) as Readonly<Record<string, ServiceDefinition>>; // callers ask for services only
}
