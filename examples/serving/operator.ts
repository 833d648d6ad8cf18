/** What an operator does with the running help desk, over the same HTTP routes as `strata` on the command line. */
export interface Operator {
  /** Which versions answer requests that name no version: split, canary, shadow or switch, with the reason on record. */
  moveTraffic(model: string, move: object, reason: string): Promise<void>;
  /** A virtual key with its terms; its secret is told once. */
  makeKey(terms: { readonly name: string; readonly tenant: string; readonly budgetUsd?: number; readonly period?: string; readonly requestsPerMinute?: number; readonly tokensPerMinute?: number; readonly models?: readonly string[] }): Promise<string>;
}

export function createOperator(url: string): Operator {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    moveTraffic: async (model, move, reason) => { await post(`/v1/served-models/${model}/traffic`, { ...move, reason }); },
    makeKey: async (terms) => (await post("/v1/keys", terms) as { readonly secret: string }).secret,
  };
}
