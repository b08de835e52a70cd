/** Objects that a translated rule needs in its table. */
import { readScript } from '../nft/index.ts';
import type { NftFamily, NftObject } from '../nft/syntax.ts';
import { quoted } from './part.ts';

/** What a rule needs in its table. */
export interface NeededObject {
  kind: 'set' | 'counter';
  name: string;
  /** What stands in its block. */
  text: string;
}

/** Each once. */
export function neededObjects(needs: readonly NeededObject[], family: NftFamily, table: string): NftObject[] {
  const distinct = [...new Map(needs.map((need) => [`${need.kind} ${need.name}`, need])).values()];
  return distinct.flatMap(({ kind, name, text }) => {
    const written = kind === 'counter' ? quoted(name) : name;
    const { commands } = readScript(`add ${kind} ${family} ${table} ${written} { ${text} }`);
    return commands.flatMap((command) => ('add' in command ? [command.add] : []));
  });
}
