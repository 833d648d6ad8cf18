/** What an operator does with the running help desk, over the same HTTP routes as `strata` on the command line. */
export interface Operator {
  /** Who answers requests that name no version: split, canary, shadow or switch, with the reason on record. */
  moveTraffic(model: string, move: object, reason: string): Promise<void>;
  rollBack(model: string, reason: string): Promise<void>;
}

export function createOperator(url: string): Operator {
  const post = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
  return {
    moveTraffic: (model, move, reason) => post(`/v1/served-models/${model}/traffic`, { ...move, reason }),
    rollBack: (model, reason) => post(`/v1/served-models/${model}/rollback`, { reason }),
  };
}
