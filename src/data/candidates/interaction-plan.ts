/**
 * What a candidate source takes from events: which streams, and for each the user, item and basket expressions.
 * The first interaction with a basket is the purchase; every other one only says that the user looked at the item.
 */
import { fieldsOf } from "../../define/index.ts";
import type { Candidates, ExpressionNode, Interaction } from "../../define/index.ts";

/** Something a user did with an item. */
export interface UserInteraction {
  readonly kind: "purchase" | "look";
  /** undefined = somebody unknown: it counts for the item, not for anyone's history. */
  readonly user: string | undefined;
  readonly item: string;
  readonly basket: string | undefined;
  /** When it happened and when it became known, ms since the epoch. */
  readonly timeMs: number;
  readonly knownAtMs: number;
}

export interface PlannedInteraction {
  readonly kind: "purchase" | "look";
  readonly user: ExpressionNode;
  readonly item: ExpressionNode;
  readonly basket: ExpressionNode | undefined;
}

/** The interactions by stream name, in the order of the definition. */
export function planInteractions(candidates: Candidates): ReadonlyMap<string, readonly PlannedInteraction[]> {
  const purchase = candidates.interactions.find((interaction) => interaction.basket !== undefined);
  return Map.groupBy(candidates.interactions.map((interaction) => ({ stream: interaction.from.name, ...plan(interaction, interaction === purchase) })), ({ stream }) => stream);
}

function plan({ user, item, basket }: Interaction, isPurchase: boolean): PlannedInteraction {
  return { kind: isPurchase ? "purchase" : "look", user, item, basket: isPurchase ? basket : undefined };
}

/** The event fields that the interactions of one stream read. */
export function fieldsOfInteractions(interactions: readonly PlannedInteraction[]): ReadonlySet<string> {
  const fields = new Set<string>();
  for (const { user, item, basket } of interactions) for (const node of [user, item, basket]) if (node) fieldsOf(node, fields);
  return fields;
}
