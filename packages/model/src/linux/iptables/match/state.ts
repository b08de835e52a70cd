/** `-m state`, the older form of `-m conntrack --ctstate`, and the state names that both use. */
import { CtState, type Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';

const STATES: readonly (readonly [string, number])[] = [
  ['INVALID', CtState.INVALID],
  ['NEW', CtState.NEW],
  ['RELATED', CtState.RELATED],
  ['ESTABLISHED', CtState.ESTABLISHED],
  ['UNTRACKED', CtState.UNTRACKED],
  ['SNAT', CtState.SNAT],
  ['DNAT', CtState.DNAT],
];

/** Names separated by commas, each may be cut short; to bits of `CtState`. */
export function readStates(text: string, names = STATES): number {
  let bits = 0;
  for (const part of text.split(',')) {
    const upper = part.toUpperCase();
    const state = upper === '' ? undefined : names.find(([name]) => name.startsWith(upper));
    if (!state) throw new Refusal(`Bad ctstate "${part}"`);
    bits |= state[1];
  }
  return bits;
}

export function printStates(bits: number): string {
  return STATES.filter(([, bit]) => bits & bit)
    .map(([name]) => name)
    .join(',');
}

export const state: MatchExtension = {
  name: 'state',
  options: [option('state', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'state', 'state');
    const test = byName(given).get('state');
    const states = readStates(word(test), STATES.slice(0, 5));
    return { kind: 'state', states, ...inverted(test?.not) };
  },
};

export function printState(match: Extract<Match, { kind: 'state' }>): string {
  return `-m state ${bang(match.not)}--state ${printStates(match.states)}`;
}
