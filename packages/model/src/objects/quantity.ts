/** Resource quantities (apimachinery/pkg/api/resource): `200m`, `180Mi`, `1e3`. */

const UNITS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The value as a number; undefined for what is no quantity. */
export function parseQuantity(text: string | number | undefined): number | undefined {
  if (typeof text === 'number') return text;
  const match = /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([eE][+-]?\d+)|([numkMGTPE]i?|Ki)?)$/.exec(text ?? '');
  if (!match) return undefined;
  const unit = UNITS[match[3] ?? ''];
  return unit === undefined ? undefined : Number(`${match[1]}${match[2] ?? ''}`) * unit;
}
