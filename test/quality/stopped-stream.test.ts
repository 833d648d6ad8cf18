/** A stop rule over HTTP: the stream answers 503, training refuses the data, and a person's acceptance ends both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { between, count, defineApplication, defineEntity, defineExpectations, defineFeatureView, defineModel, defineStream, eachEvent, gradientBoosting, labelValue, sql, z } from "strata";
import { openTestPlatform, send, temporaryFolder } from "../scenarios/platform-kit.ts";

const sales = defineStream("sales", { schema: z.object({ shop: z.string(), price: z.number() }) });
const shop = defineEntity("shop");
const perShop = defineFeatureView("per_shop", { entities: [shop], from: sales, by: (e) => ({ shop: e.shop }), features: () => ({ sales: count().over("1d") }) });
const model = defineModel("price", {
  features: [perShop], examples: eachEvent(sales, { keys: (e) => ({ shop: e.shop }) }), label: labelValue(sales, (e) => e.price), trainer: gradientBoosting({ objective: "regression" }),
});
const application = defineApplication("shops", [model, defineExpectations("sales_quality", {
  of: sales, expect: (e) => ({ positive: between(e.price, { min: 0.01 }).atLeast(0.9).stop(), few_shops: sql("SELECT shop FROM events WHERE shop = 'closed'").stop() }),
})]);

const post = (url: string, path: string, body: unknown) => send(url, { path, body });
const codeOf = (answer: { readonly json: unknown }): string => (answer.json as { readonly error: { readonly code: string } }).error.code;
const rows = (amount: number, price: number) => Array.from({ length: amount }, () => ({ shop: "north", price }));

test("what a stop rule closes is opened by a person, who accepts the data with a reason", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path });
  const { url } = platform;
  const train = (): Promise<string> => platform.train("price").then(() => "trained", (thrown: { readonly code: string }) => thrown.code);
  assert.equal((await post(url, "/v1/streams/sales/events", rows(100, 5))).status, 202);
  assert.notEqual(await train(), "TRAINING_DATA_REFUSED", "good data are learned from");

  const dryRun = await post(url, "/v1/streams/sales/events?dry-run=true", rows(1, 0));
  assert.deepEqual([dryRun.status, (dryRun.json as { readonly warnings: readonly { readonly problems: readonly { readonly code: string }[] }[] }).warnings[0]!.problems[0]!.code], [200, "expectation sales_quality.positive"]);

  await post(url, "/v1/streams/sales/events", rows(30, 0));
  await send(url, { path: "/v1/quality" });
  const refused = await post(url, "/v1/streams/sales/events", rows(1, 5));
  assert.deepEqual([refused.status, codeOf(refused)], [503, "STREAM_STOPPED"]);
  assert.equal(await train(), "TRAINING_DATA_REFUSED");
  const alerts = (await send(url, { path: "/v1/decisions?kind=alert" })).json as { readonly decisions: readonly { readonly subject: string; readonly reason: string }[] };
  assert.match(alerts.decisions.find(({ subject }) => subject === "sales_quality.positive")!.reason, /^23\.1 % of 130 events of the last hour \(30\) have price below 0\.01; at most 10 % may\. Stream "sales" takes no more events until it is resumed\.$/);

  assert.equal((await post(url, "/v1/quality/resume", { stream: "sales" })).status, 400, "a reason is asked for");
  assert.equal((await post(url, "/v1/quality/resume", { stream: "sales", reason: "free samples, this once" })).status, 200);
  assert.equal((await post(url, "/v1/streams/sales/events", rows(1, 5))).status, 202);
  assert.notEqual(await train(), "TRAINING_DATA_REFUSED", "what was accepted is not judged again");

  await post(url, "/v1/streams/sales/events", [{ shop: "closed", price: 5 }]);
  assert.equal(await train(), "TRAINING_DATA_REFUSED", "the query is asked, too");

  const contract = (await send(url, { path: "/v1/contracts/sales" })).json as { readonly contract: string; readonly expectations: object };
  assert.deepEqual([contract.contract, Object.keys(contract.expectations)], ["strata-data-contract/1", ["sales_quality"]]);
  const profile = JSON.parse(/event: result\ndata: (.*)\n/.exec((await post(url, "/v1/profiles", { stream: "sales" })).text)![1]!) as { readonly rows: number; readonly columns: readonly { readonly name: string; readonly count: number }[] };
  assert.deepEqual([profile.rows, profile.columns.map(({ name, count: values }) => [name, values])], [132, [["shop", 132], ["price", 132]]]);
  assert.equal(((await send(url, { path: "/v1/profiles/sales" })).json as { readonly rows: number }).rows, 132);
  const earlier = await platform.lake.snapshot();
  await post(url, "/v1/streams/sales/events", rows(1_000, 50).map((row, at) => ({ ...row, price: 50 + at })));
  const compared = JSON.parse(/event: result\ndata: (.*)\n/.exec((await post(url, "/v1/profiles", { stream: "sales", compare: earlier.id.slice(0, 10) })).text)![1]!) as { readonly filesRead: number; readonly files: number; readonly comparison: { readonly rows: number; readonly columns: readonly { readonly column: string; readonly status: string }[] } };
  assert.deepEqual([compared.comparison.rows, compared.filesRead < compared.files || compared.files === 1], [132, true]);
  assert.equal(compared.comparison.columns.find(({ column }) => column === "price")!.status, "insufficient", "132 values are too few to judge");
  for (const path of ["/v1/quality/unknown", "/v1/contracts/unknown", "/v1/profiles/unknown"]) assert.equal((await send(url, { path })).status, 404, path);
  assert.equal((await send(url, { path: "/v1/quality/sales_quality/history?limit=0" })).status, 400);
  const metrics = (await send(url, { path: "/metrics" })).text.split("\n").filter((line) => line.startsWith("strata_quality_events_total"));
  assert.deepEqual(metrics, ["bad", "good"].map((result, at) => `strata_quality_events_total{expectations="sales_quality",result="${result}",rule="positive"} ${[30, 1_102][at]}`));
});
