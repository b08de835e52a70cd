/** `-j CT` and the older `-j NOTRACK`: net/netfilter/xt_CT.c. */
import type { Action } from '@podwire/engine';
import { byName, type Context, type Given, option, Refusal, type TargetExtension, word } from '../base/extension.ts';
import { parseNumber } from '../base/numbers.ts';
import { bareWord, cutBytes } from '../base/words.ts';

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
/** Options that name something, and how much of the name struct xt_ct_target_info_v1 holds. */
const NAMES = [
  ['helper', 15],
  ['timeout', 31],
] as const;
const ZONES = ['zone', 'zone-orig', 'zone-reply'];

function readEvents(given: Given, names: readonly string[]): string {
  const asked = word(given).split(',');
  const strange = asked.find((name) => !names.includes(name));
  if (strange !== undefined) throw new Refusal(`Unknown event type "${strange}"`);
  return names.filter((name) => asked.includes(name)).join(',');
}

interface Zone {
  option: string;
  value: number | 'mark';
}

function readZoneId(text: string): number | 'mark' {
  const value = text.toLowerCase() === 'mark' ? ('mark' as const) : parseNumber(text, 0xffff);
  if (value === undefined) throw new Refusal(`Cannot parse ${text} as a zone ID`);
  return value;
}

/** The last one counts; two directions are both, like none. Zone 0 is where everything is anyway and is not printed. */
function readZone(given: readonly Given[]): Zone | undefined {
  const asked = given.filter((g) => ZONES.includes(g.name));
  const [value] = asked.map((g) => readZoneId(word(g))).reverse();
  const directions = ['zone-orig', 'zone-reply'].filter((name) => asked.some((g) => g.name === name));
  const only = directions.length === 1 ? directions[0] : undefined;
  return value === undefined || value === 0 ? undefined : { option: only ?? 'zone', value };
}

/** Options in the order in which they are printed. */
function print(given: readonly Given[], zone: Zone | undefined): string {
  const g = byName(given);
  const out = ['-j CT'];
  if (g.has('notrack')) out.push('--notrack');
  for (const [name, length] of NAMES) {
    const named = g.get(name);
    if (named) out.push(`--${name} ${bareWord(cutBytes(word(named), length))}`);
  }
  const events = g.get('ctevents');
  if (events) out.push(`--ctevents ${readEvents(events, CT_EVENTS)}`);
  const expectations = g.get('expevents');
  if (expectations) out.push(`--expevents ${readEvents(expectations, EXP_EVENTS)}`);
  if (zone) out.push(`--${zone.option} ${zone.value}`);
  return out.join(' ');
}

/** Helpers and time-outs belong to a transport protocol. */
function checkProtocol(given: readonly Given[], { protocol }: Context): void {
  const needs = given.find((g) => g.name === 'helper' || g.name === 'timeout');
  if (needs && (!protocol || protocol.protocol === 0 || protocol.not)) {
    throw new Refusal('CT: You must specify a L4 protocol and not use inversions on it');
  }
}

/** xt_ct_set_helper: of the rule's protocol. */
function helperAction(given: readonly Given[], { protocol }: Context): Action | undefined {
  const named = byName(given).get('helper');
  if (!named || !protocol) return undefined;
  const [, length] = NAMES[0];
  return { kind: 'ct-helper', helper: cutBytes(word(named), length), protocol: protocol.protocol, isTemplate: true };
}

export const ct: TargetExtension = {
  name: 'CT',
  tables: ['raw'],
  options: [
    option('notrack', 0),
    option('helper', 1),
    option('timeout', 1),
    option('ctevents', 1),
    option('expevents', 1),
    ...ZONES.map((name) => option(name, 1)),
  ],
  parse(given, context) {
    const zone = readZone(given);
    const text = print(given, zone);
    // Not tracked at all, the rest is of no account.
    if (given.some((g) => g.name === 'notrack')) {
      const notrack: Action = { kind: 'notrack' };
      return text === '-j CT --notrack' ? notrack : { kind: 'extension-target', text, actions: [notrack] };
    }
    checkProtocol(given, context);
    const helper = helperAction(given, context);
    // Time-outs and events leave the packet at hand alone.
    if (!zone) return helper ? { kind: 'extension-target', text, actions: [helper] } : { kind: 'note', text };
    if (zone.value === 'mark') return { kind: 'unmodelled-target', text };
    const only = given.every((g) => ZONES.includes(g.name));
    const direction = { 'zone-orig': 'ORIGINAL', 'zone-reply': 'REPLY' } as const;
    const both = zone.option === 'zone';
    const asked = zone.option as keyof typeof direction;
    const action: Action = { kind: 'ct-zone', zone: zone.value, ...(!both && { direction: direction[asked] }) };
    return only ? action : { kind: 'extension-target', text, actions: helper ? [action, helper] : [action] };
  },
};

export const notrack: TargetExtension = {
  name: 'NOTRACK',
  tables: ['raw'],
  options: [],
  parse: () => ({ kind: 'notrack', alias: true }),
};

export function printCt(action: Extract<Action, { kind: 'notrack' | 'ct-zone' }>): string {
  if (action.kind === 'notrack') return action.alias ? '-j NOTRACK' : '-j CT --notrack';
  const suffix = action.direction === undefined ? '' : action.direction === 'ORIGINAL' ? '-orig' : '-reply';
  return `-j CT --zone${suffix} ${action.zone}`;
}
