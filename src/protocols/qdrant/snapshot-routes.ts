/** Snapshots: made, listed, downloaded, deleted; recovered from one of ours by its name, or from an uploaded file. Other addresses are not fetched. */
import type { HttpResponse } from "../http.ts";
import type { SnapshotDescription } from "../../data/index.ts";
import { invalid } from "./envelope.ts";
import type { QdrantParts, QdrantRoute } from "./qdrant-route.ts";

export function snapshotRoutes({ indexes }: QdrantParts): readonly QdrantRoute[] {
  const { snapshots } = indexes;
  const describe = ({ name, createdAtMs, sizeBytes, checksum }: SnapshotDescription) => ({ name, creation_time: new Date(createdAtMs).toISOString().slice(0, 19), size: sizeBytes, checksum });
  return [
    ["GET", "/snapshots", () => []],
    ["GET", "/collections/:name/snapshots", ({ parameters }) => snapshots.list(parameters["name"]!).map(describe)],
    ["POST", "/collections/:name/snapshots", async ({ parameters }) => describe(await snapshots.create(parameters["name"]!))],
    ["GET", "/collections/:name/snapshots/:snapshot", ({ parameters }): HttpResponse => ({
      status: 200, headers: { "content-type": "application/octet-stream", "content-disposition": `attachment; filename="${parameters["snapshot"]!.replaceAll(/[^\w.-]/g, "_")}"` },
      body: snapshots.download(parameters["name"]!, parameters["snapshot"]!),
    })],
    ["DELETE", "/collections/:name/snapshots/:snapshot", async ({ parameters }) => {
      await snapshots.delete(parameters["name"]!, parameters["snapshot"]!);
      return true;
    }],
    ["PUT", "/collections/:name/snapshots/recover", async ({ parameters, body }) => {
      const { location } = body();
      if (typeof location !== "string") throw invalid("location must be a text");
      await snapshots.recover(parameters["name"]!, decodeURIComponent(location.slice(location.lastIndexOf("/") + 1)));
      return true;
    }],
    ["POST", "/collections/:name/snapshots/upload", async ({ parameters, request }) => {
      await snapshots.recoverFile(parameters["name"]!, uploadedFile(request.body, request.headers["content-type"] ?? ""));
      return true;
    }],
  ];
}

/** The first part of a multipart form (RFC 7578), or the whole body. */
function uploadedFile(body: Buffer, contentType: string): Buffer {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return body;
  const start = body.indexOf("\r\n\r\n"), end = body.lastIndexOf(`\r\n--${boundary}`);
  if (start < 0 || end < start) throw invalid("the form has no file");
  return body.subarray(start + 4, end);
}
