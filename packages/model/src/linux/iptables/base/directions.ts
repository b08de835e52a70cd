/** Packets that come in leave by nothing yet, and what leaves came in by nothing (iptables/xshared.c:do_parse). */
import { dictionary } from './dictionary.ts';
import { type Given, Refusal, type RulePlace } from './extension.ts';

const REFUSED: Readonly<Record<string, readonly string[]>> = dictionary({
  PREROUTING: ['out-interface', 'logical-out'],
  INPUT: ['out-interface', 'logical-out'],
  OUTPUT: ['in-interface', 'logical-in'],
  POSTROUTING: ['in-interface', 'logical-in'],
});

export function checkDirections(header: readonly Given[], { chain }: RulePlace): void {
  const names = chain === undefined ? undefined : REFUSED[chain];
  const given = names && header.find((g) => names.includes(g.name));
  if (given) throw new Refusal(`Can't use --${given.name} with ${chain}`);
}
