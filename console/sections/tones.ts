/** Colours with a meaning that holds over all sections; 1 to 4 are those of the theme, 0 is grey. */

const VARIANTS: Readonly<Record<string, number>> = { champion: 1, canary: 3, fallback: 0 };

export function toneOfVariant(variant: string): number {
  return VARIANTS[variant] ?? 4;
}
