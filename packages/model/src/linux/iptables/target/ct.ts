/** `-j CT` and the older `-j NOTRACK`: net/netfilter/xt_CT.c. */
import type { Action } from '@podwire/engine';
import { byName, exclusive, type Given, option, Refusal, type TargetExtension, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

const CT_EVENTS = [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
];
const EXP_EVENTS = ['new'];
const ZONES = ['zone', 'zone-orig', 'zone-reply'];

function readEvents(given: Given, names: readonly string[]): string {
  const asked = word(given).split(',');
  for (const name of asked) {
    if (!names.includes(name.toLowerCase())) throw new Refusal(`CT: Unknown event "${name}"`);
  }
  return names.filter((name) => asked.some((a) => a.toLowerCase() === name)).join(',');
}

/** Options in the order in which they are printed. */
function print(given: readonly Given[]): string {
  const g = byName(given);
  const out = ['-j CT'];
  if (g.has('notrack')) out.push('--notrack');
  const helper = g.get('helper');
  if (helper) out.push(`--helper ${word(helper)}`);
  const timeout = g.get('timeout');
  if (timeout) out.push(`--timeout ${word(timeout)}`);
  const events = g.get('ctevents');
  if (events) out.push(`--ctevents ${readEvents(events, CT_EVENTS)}`);
  const expectations = g.get('expevents');
  if (expectations) out.push(`--expevents ${readEvents(expectations, EXP_EVENTS)}`);
  for (const name of ZONES) {
    const zone = g.get(name);
    if (zone) out.push(`--${name} ${word(zone) === 'mark' ? 'mark' : number(name, word(zone), 0xffff)}`);
  }
  return out.join(' ');
}

export const ct: TargetExtension = {
  name: 'CT',
  options: [
    option('notrack', 0),
    option('helper', 1),
    option('timeout', 1),
    option('ctevents', 1),
    option('expevents', 1),
    ...ZONES.map((name) => option(name, 1)),
  ],
  parse(given) {
    exclusive(given, 'CT', ZONES);
    exclusive(given, 'CT', ['notrack', 'helper']);
    exclusive(given, 'CT', ['notrack', 'timeout']);
    const text = print(given);
    const only = given.length === 1 ? given[0] : undefined;
    if (only?.name === 'notrack') return { kind: 'notrack' };
    if (only && ZONES.includes(only.name) && word(only) !== 'mark') {
      const zone = number(only.name, word(only), 0xffff);
      if (only.name === 'zone') return { kind: 'ct-zone', zone };
      return { kind: 'ct-zone', zone, direction: only.name === 'zone-orig' ? 'ORIGINAL' : 'REPLY' };
    }
    // Helpers, time-outs and events leave the packet at hand alone.
    const decides = given.some((g) => g.name === 'notrack' || ZONES.includes(g.name));
    return { kind: decides ? 'unmodelled-target' : 'note', text };
  },
};

export const notrack: TargetExtension = {
  name: 'NOTRACK',
  options: [],
  parse: () => ({ kind: 'notrack', alias: true }),
};

export function printCt(action: Extract<Action, { kind: 'notrack' | 'ct-zone' }>): string {
  if (action.kind === 'notrack') return action.alias ? '-j NOTRACK' : '-j CT --notrack';
  const suffix = action.direction === undefined ? '' : action.direction === 'ORIGINAL' ? '-orig' : '-reply';
  return `-j CT --zone${suffix} ${action.zone}`;
}
