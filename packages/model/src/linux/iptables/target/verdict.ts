/** ACCEPT, DROP, RETURN: the verdicts that are no extension. */
import type { Action } from '@podwire/engine';

export const verdicts: Readonly<Record<string, Action>> = {
  ACCEPT: { kind: 'accept' },
  DROP: { kind: 'drop' },
  RETURN: { kind: 'return' },
};
