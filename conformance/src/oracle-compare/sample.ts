/** Which of the compared flows are tried on the kernel. */
import type { ComparedFlow } from '@podwire/model';
import type { Random } from '../lab/random.ts';

/** Of each kind of difference, and of each kind of what is alike, in turn: seldom ones are not lost among many. */
function inTurn(random: Random, flows: readonly ComparedFlow[], count: number): ComparedFlow[] {
  const groups = new Map<string, ComparedFlow[]>();
  for (const flow of flows) {
    const { sides, differs, to, from } = flow;
    const key = [from.place.kind, to.addressKind, to.protocol, ...sides.map(({ reason }) => reason), ...differs].join(
      ' ',
    );
    groups.set(key, [...(groups.get(key) ?? []), flow]);
  }
  const waiting = [...groups.values()].map((group) => random.some(group, group.length));
  const chosen: ComparedFlow[] = [];
  while (chosen.length < count && waiting.some((group) => group.length > 0))
    for (const group of waiting) chosen.push(...group.splice(0, 1));
  return chosen.slice(0, count);
}

/** At most `count`: half of them such that differ, as far as there are. */
export function sampleOf(random: Random, flows: readonly ComparedFlow[], count: number): ComparedFlow[] {
  const differing = flows.filter(({ differs }) => differs.length > 0);
  const alike = flows.filter(({ differs }) => differs.length === 0);
  const least = Math.floor(count / 2);
  const room = count - Math.min(alike.length, least);
  const chosen = inTurn(random, differing, Math.min(differing.length, room));
  return [...chosen, ...inTurn(random, alike, count - chosen.length)];
}
