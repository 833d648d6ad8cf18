/** The embedded vector engine is held to the contract of ports/vector-index.ts. */
import { vectorEngine } from "../../src/engines/vectors/vector-rows.ts";
import { vectorRowsConformance } from "./vector-rows.ts";

vectorRowsConformance("embedded", vectorEngine);
