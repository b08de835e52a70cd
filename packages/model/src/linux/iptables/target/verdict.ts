/** ACCEPT, DROP, RETURN: the verdicts that are no extension. */

import type { Action } from '@podwire/engine';
import { dictionary } from '../base/dictionary.ts';

export const verdicts: Readonly<Record<string, Action>> = dictionary({
  ACCEPT: { kind: 'accept' },
  DROP: { kind: 'drop' },
  RETURN: { kind: 'return' },
});
