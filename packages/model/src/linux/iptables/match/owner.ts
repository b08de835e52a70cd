/** `-m owner`: net/netfilter/xt_owner.c. Whose socket a packet comes from nobody knows here. */
import { type Given, Refusal } from '../base/extension.ts';
import { parseNumber } from '../base/numbers.ts';
import { none, type Printer, row, type TextExtension } from '../base/table.ts';

const negatable = { negatable: true };
const ID_MAX = 0xfffffffe;

/** Names that mean the same on every node; others are known there alone. */
const OWNERS: ReadonlyMap<string, string> = new Map([
  ['root', '0'],
  ['nobody', '65534'],
  ['nogroup', '65534'],
]);

/** A number, a range, or a name. */
const owner: Printer = ([text = ''], { name }) => {
  const known = OWNERS.get(text);
  if (known !== undefined) return known;
  const m = /^([^-:]+)(?:[-:](.+))?$/.exec(text);
  const from = parseNumber(m?.[1] ?? '', ID_MAX);
  const to = m?.[2] === undefined ? from : parseNumber(m[2], ID_MAX);
  if (from === undefined || to === undefined) {
    throw new Refusal(`owner: Bad value for "--${name}" option: "${text}"`);
  }
  return from === to ? String(from) : `${from}-${to}`;
};

function needGroupBefore(given: readonly Given[]): void {
  const at = given.findIndex((g) => g.name === 'suppl-groups');
  if (at >= 0 && !given.slice(0, at).some((g) => g.name === 'gid-owner')) {
    throw new Refusal('owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"');
  }
}

export const owners: TextExtension = {
  name: 'owner',
  rows: [
    row('socket-exists', none, negatable),
    row('uid-owner', owner, negatable),
    row('gid-owner', owner, negatable),
    row('suppl-groups', none),
  ],
  need: [['uid-owner', 'gid-owner', 'socket-exists']],
  chains: ['OUTPUT', 'POSTROUTING'],
  check: needGroupBefore,
};
