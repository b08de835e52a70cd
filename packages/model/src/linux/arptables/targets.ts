/** Targets of arptables, each in its printed form: what stands behind the name follows the rule's tests. */
import type { Action } from '@podwire/engine';
import { address } from '../iptables/base/address.ts';
import {
  byName,
  exclusive,
  type Given,
  option,
  Refusal,
  type TargetExtension,
  word,
} from '../iptables/base/extension.ts';
import { printMac, readMac } from '../iptables/base/mac.ts';
import { readClass } from '../iptables/target/note.ts';

const ALL = 0xffffffff;
const SETTERS = ['set-mark', 'and-mark', 'or-mark'];

/** Hexadecimal, with or without 0x. */
function hexadecimal(name: string, text: string): number {
  const value = /^(0[xX])?[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (!(value <= ALL)) throw new Refusal(`MARK: bad value for option "--${name}", or out of range (0-${ALL}).`);
  return value;
}

const mark: TargetExtension = {
  name: 'MARK',
  options: SETTERS.map((name) => option(name, 1)),
  parse(given) {
    exclusive(given, 'MARK', SETTERS);
    const asked = given[0];
    if (!asked) throw new Refusal('MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required');
    const value = hexadecimal(asked.name, word(asked));
    if (asked.name === 'and-mark') return { kind: 'set-mark', value: 0, mask: ~value >>> 0 };
    return { kind: 'set-mark', value, mask: asked.name === 'or-mark' ? value : ALL };
  },
};

/** Of all that sets a mark alike, the tool prints one way (extensions/libxt_MARK.c:mark_tg_arp_save). */
export function printMark({ value, mask }: Extract<Action, { kind: 'set-mark' }>): string {
  if (value === 0) return `-j MARK --and-mark ${(~mask >>> 0).toString(16)}`;
  return `-j MARK --${value === mask ? 'or' : 'set'}-mark ${value.toString(16)}`;
}

const classify: TargetExtension = {
  name: 'CLASSIFY',
  options: [option('set-class', 1)],
  chains: ['FORWARD', 'OUTPUT'],
  parse(given) {
    if (given.length === 0) throw new Refusal('CLASSIFY: option "--set-class" must be specified');
    const { major, minor } = readClass(word(given[0]));
    return { kind: 'note', text: `-j CLASSIFY --set-class ${major.toString(16)}:${minor.toString(16)}` };
  },
};

type Printer = (text: string) => string;

/** The tool takes a mask and forgets it. */
const host: Printer = (text) => address('ip', text.split('/')[0] ?? '');

/** In the order in which they are printed. */
const CHANGES: Readonly<Record<string, Printer>> = {
  'mangle-ip-s': host,
  'mangle-mac-s': (text) => printMac(readMac(text)),
  'mangle-ip-d': host,
  'mangle-mac-d': (text) => printMac(readMac(text)),
};
const VERDICTS = ['DROP', 'ACCEPT', 'CONTINUE'];

function checkVerdict(given: Given | undefined): string {
  const verdict = given ? word(given) : 'ACCEPT';
  if (!VERDICTS.includes(verdict)) throw new Refusal('bad target for --mangle-target');
  return verdict;
}

const mangle: TargetExtension = {
  name: 'mangle',
  options: [...Object.keys(CHANGES), 'mangle-target'].map((name) => option(name, 1)),
  parse(given) {
    const g = byName(given);
    const verdict = checkVerdict(g.get('mangle-target'));
    const changes = Object.entries(CHANGES).flatMap(([name, print]) => {
      const asked = g.get(name);
      return asked ? [`--${name} ${print(word(asked))}`] : [];
    });
    // net/ipv4/netfilter/arpt_mangle.c:checkentry().
    if (changes.length === 0) throw new Refusal('mangle: nothing is to be changed');
    const text = ['-j mangle', ...changes, ...(verdict === 'ACCEPT' ? [] : [`--mangle-target ${verdict}`])].join(' ');
    return { kind: 'unmodelled-target', text };
  },
};

export const targets = [mark, classify, mangle];

export function targetNamed(name: string): TargetExtension | undefined {
  return targets.find((target) => target.name === name);
}
