/** What happened before the packet, with what it brought about. */
import type { ChangeView } from '@podwire/model';
import type { Row } from './layout.ts';
import type { Style } from './style.ts';

export function changeRows(changes: readonly ChangeView[], style: Style): Row[] {
  return changes.flatMap(({ text, effects }): Row[] => {
    const [first = 'nothing follows from it', ...rest] = effects;
    return [{ head: [style(text, 'bold')], body: first }, ...rest.map((effect): Row => ({ head: [''], body: effect }))];
  });
}
