/**
 * A seeded world of shoppers: customers with tastes, items with categories, prices and complements, visits that begin
 * with looking around and end in clicks and purchases. `shift` changes the season: tastes move, prices rise, other items
 * come into fashion, people stop buying the same again and look at much that they do not want.
 * Nothing here knows the recommender; a visitor only reacts to the list it is shown.
 */

export interface ShopperRandom {
  next(): number;
  integer(bound: number): number;
  exponential(mean: number): number;
  normal(): number;
  pick<T>(items: readonly T[]): T;
}

export interface Product {
  readonly item: string;
  readonly title: string;
  readonly category: number;
  readonly price: number;
}

export interface Visit {
  readonly customer: string;
  readonly country: string;
  /** What the visitor has in mind, best first; unknown to the shop. */
  readonly wishes: readonly string[];
  /** What the visitor looks at on the way in, before anything is recommended. */
  readonly browsed: readonly string[];
}

export interface Reaction {
  readonly clicked: readonly string[];
  readonly bought: readonly { readonly item: string; readonly quantity: number; readonly price: number; readonly wasRecommended: boolean }[];
}

export interface Shoppers {
  readonly products: ReadonlyMap<string, Product>;
  visit(): Visit;
  /** How the visitor reacts to a list of recommended items (empty: browsing only). */
  react(visit: Visit, recommended: readonly string[]): Reaction;
  /** A new season begins. */
  shift(): void;
}

const CATEGORIES = ["candles", "mugs", "garden", "kitchen", "toys", "stationery", "lamps", "textiles", "bags", "clocks", "jars", "cards"] as const;
const COUNTRIES = ["United Kingdom", "Germany", "France", "Ireland", "Spain"] as const;
const ITEMS = 420;
const CUSTOMERS = 900;
const WISHES = 10;

interface Customer {
  readonly name: string;
  readonly country: string;
  readonly activity: number;
  readonly bulk: boolean;
  tastes: number[];
  readonly history: string[];
}

export function createShoppers(random: ShopperRandom): Shoppers {
  const products = makeProducts(random);
  const list = [...products.values()];
  const complements = new Map(list.map((product) => [product.item, [random.pick(list).item, random.pick(list).item]]));
  const fashion = new Map(list.map((product, rank) => [product.item, 1 / (1 + rank * 0.05)]));
  const customers = Array.from({ length: CUSTOMERS }, (_, number) => makeCustomer(random, number));
  const visitors = cumulative(customers.map((customer) => customer.activity));
  const byName = new Map(customers.map((customer) => [customer.name, customer]));
  let priceFactor = 1;
  let habit = { repeat: 0.25, complement: 0.25, idle: 0.15 };

  const byCategory = CATEGORIES.map((_, category) => list.filter((product) => product.category === category));
  let shelves = byCategory.map((shelf) => cumulative(shelf.map((product) => fashion.get(product.item)!)));

  const wish = (customer: Customer): string => {
    const draw = random.next();
    const latest = customer.history.at(-1 - random.integer(5));
    if (draw < habit.repeat && customer.history.length > 0) return random.pick(customer.history);
    if (draw < habit.repeat + habit.complement && latest !== undefined) return random.pick(complements.get(latest)!);
    const category = drawFrom(cumulative(customer.tastes), random);
    return byCategory[category]![drawFrom(shelves[category]!, random)]!.item;
  };

  const anyFashionable = (): string => {
    const category = random.integer(CATEGORIES.length);
    return byCategory[category]![drawFrom(shelves[category]!, random)]!.item;
  };

  return {
    products,
    visit: () => {
      const customer = customers[drawFrom(visitors, random)]!;
      const wishes = new Set(Array.from({ length: WISHES }, () => wish(customer)));
      const browsed = [...wishes].slice(0, 3).map((item) => (random.next() < habit.idle ? anyFashionable() : item));
      return { customer: customer.name, country: customer.country, wishes: [...wishes], browsed: [...new Set(browsed)] };
    },
    react: (visit, recommended) => {
      const customer = byName.get(visit.customer)!;
      const wanted = new Set(visit.wishes);
      const clicked: string[] = [];
      const bought = new Map<string, boolean>();
      recommended.forEach((item, position) => {
        const isSeen = random.next() < 1 / (1 + position * 0.08);
        if (!isSeen) return;
        if (wanted.has(item)) {
          clicked.push(item);
          if (random.next() < 0.55) bought.set(item, true);
        } else if (random.next() < 0.02) clicked.push(item);
      });
      visit.wishes.forEach((item, rank) => {
        if (bought.has(item) || random.next() > 0.3 / (1 + rank * 0.1)) return;
        clicked.push(item);
        if (random.next() < 0.75) bought.set(item, false);
      });
      customer.history.push(...bought.keys());
      customer.history.splice(0, Math.max(0, customer.history.length - 40));
      return {
        clicked: [...new Set(clicked)],
        bought: [...bought].map(([item, wasRecommended]) => ({
          item, wasRecommended, quantity: customer.bulk ? 12 + random.integer(36) : 1 + random.integer(4),
          price: round(products.get(item)!.price * priceFactor * (customer.bulk ? 0.85 : 1)),
        })),
      };
    },
    shift: () => {
      priceFactor *= 1.6;
      habit = { repeat: 0.03, complement: 0.5, idle: 0.95 };
      for (const customer of customers) customer.tastes = [...customer.tastes.slice(5), ...customer.tastes.slice(0, 5)];
      const ranks = list.map((product) => product.item).toReversed();
      ranks.forEach((item, rank) => fashion.set(item, 1 / (1 + rank * 0.02)));
      shelves = byCategory.map((shelf) => cumulative(shelf.map((product) => fashion.get(product.item)!)));
    },
  };
}

function makeProducts(random: ShopperRandom): ReadonlyMap<string, Product> {
  const products = Array.from({ length: ITEMS }, (_, number): Product => {
    const category = random.integer(CATEGORIES.length);
    return { item: `P${String(10_000 + number)}`, title: `${CATEGORIES[category]!} no. ${number}`, category, price: round(Math.exp(1 + random.normal() * 0.7)) };
  });
  return new Map(products.map((product) => [product.item, product]));
}

function makeCustomer(random: ShopperRandom, number: number): Customer {
  const tastes = CATEGORIES.map(() => 0.05 * random.exponential(1));
  for (let favourite = 0; favourite < 2; favourite++) tastes[random.integer(CATEGORIES.length)]! += random.exponential(1) + 0.5;
  return {
    name: `C${String(10_000 + number)}`, country: random.next() < 0.7 ? COUNTRIES[0] : random.pick(COUNTRIES),
    activity: random.exponential(1) + 0.1, bulk: random.next() < 0.2, tastes, history: [],
  };
}

function cumulative(weights: readonly number[]): Float64Array {
  let total = 0;
  return Float64Array.from(weights, (weight) => (total += weight));
}

function drawFrom(cumulativeWeights: Float64Array, random: ShopperRandom): number {
  const target = random.next() * cumulativeWeights[cumulativeWeights.length - 1]!;
  let low = 0;
  let high = cumulativeWeights.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulativeWeights[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

const round = (price: number): number => Math.max(0.1, Math.round(price * 100) / 100);
