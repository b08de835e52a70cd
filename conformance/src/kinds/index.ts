import type { Kind } from '../contract.ts';

/** Every kind of suite that can be judged, one module each, in the order of their names. */
const kinds: readonly Kind[] = [];

export function kindNamed(name: string): Kind | undefined {
  return kinds.find((kind) => kind.kind === name);
}
