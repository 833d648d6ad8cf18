/** Path data of the loop's edges. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

const number = (value: number): string => String(Math.round(value * 10) / 10);
const pair = ({ x, y }: Point): string => `${number(x)} ${number(y)}`;

/** From left to right, leaving and arriving level. */
export function flowPath(from: Point, to: Point): string {
  const reach = Math.max(24, (to.x - from.x) / 2);
  return `M${pair(from)}C${pair({ x: from.x + reach, y: from.y })} ${pair({ x: to.x - reach, y: to.y })} ${pair(to)}`;
}

/** Through the points with round corners; a corner takes at most half of the shorter side. */
export function roundedPath(points: readonly Point[], radius: number): string {
  return points.map((point, at) => {
    const [before, after] = [points[at - 1], points[at + 1]];
    if (before === undefined) return `M${pair(point)}`;
    if (after === undefined) return `L${pair(point)}`;
    const reach = Math.min(radius, distance(before, point) / 2, distance(point, after) / 2);
    return `L${pair(toward(point, before, reach))}Q${pair(point)} ${pair(toward(point, after, reach))}`;
  }).join("");
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

function toward(from: Point, to: Point, length: number): Point {
  const share = length / Math.max(1e-9, distance(from, to));
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}
