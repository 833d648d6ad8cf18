/** What one gateway's turn is given. */
import type { LoadGenerator } from "strata/testing";
import type { Sheet } from "../../report/result.ts";
import type { PeerServer } from "../peer-server.ts";
import type { GatewayContender } from "./contenders.ts";

export interface GatewayTurn {
  readonly contender: GatewayContender;
  readonly mock: PeerServer;
  readonly generator: LoadGenerator;
  readonly sheet: Sheet;
  readonly round: number;
  readonly seconds: number;
  readonly say: (text: string) => void;
}
