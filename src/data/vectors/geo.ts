/** Places on the earth, in degrees. Distances by the haversine formula on a sphere of 6,371,008.8 m (IUGG mean radius). */

export interface GeoPoint {
  readonly lat: number;
  readonly lon: number;
}

const EARTH_RADIUS_METRES = 6_371_008.8;

export function isGeoPoint(value: unknown): value is GeoPoint {
  return typeof value === "object" && value !== null && typeof (value as GeoPoint).lat === "number" && typeof (value as GeoPoint).lon === "number";
}

export function distanceMetres(a: GeoPoint, b: GeoPoint): number {
  const rad = Math.PI / 180;
  const h = Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.min(1, Math.sqrt(h)));
}

export function isWithinRadius({ center, radius }: { readonly center: GeoPoint; readonly radius: number }, value: unknown): boolean {
  return isGeoPoint(value) && distanceMetres(center, value) < radius;
}

/** A box whose left side lies east of its right side crosses the antimeridian. */
export function isWithinBox({ top_left: topLeft, bottom_right: bottomRight }: { readonly top_left: GeoPoint; readonly bottom_right: GeoPoint }, value: unknown): boolean {
  if (!isGeoPoint(value) || value.lat > topLeft.lat || value.lat < bottomRight.lat) return false;
  return topLeft.lon > bottomRight.lon ? value.lon >= topLeft.lon || value.lon <= bottomRight.lon : value.lon >= topLeft.lon && value.lon <= bottomRight.lon;
}

interface Ring { readonly points: readonly GeoPoint[] }

export function isWithinPolygon({ exterior, interiors }: { readonly exterior: Ring; readonly interiors?: readonly Ring[] | null | undefined }, value: unknown): boolean {
  return isGeoPoint(value) && isInRing(exterior.points, value) && !(interiors ?? []).some(({ points }) => isInRing(points, value));
}

/** Crossings of a ray, even or odd. */
function isInRing(points: readonly GeoPoint[], { lat, lon }: GeoPoint): boolean {
  let isInside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const a = points[i]!, b = points[j]!;
    if ((a.lat > lat) !== (b.lat > lat) && lon < ((b.lon - a.lon) * (lat - a.lat)) / (b.lat - a.lat) + a.lon) isInside = !isInside;
  }
  return isInside;
}
