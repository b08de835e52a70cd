/** `-j MARK` and `-j CONNMARK`: net/netfilter/xt_mark.c, xt_connmark.c. Every setting is one form: (mark & ~mask) ^ value. */
import type { Action } from '@podwire/engine';
import {
  byName,
  exclusive,
  type Given,
  needOption,
  option,
  Refusal,
  type TargetExtension,
  word,
} from '../base/extension.ts';
import { hex, number, valueAndMask } from '../base/numbers.ts';

const ALL = 0xffffffff;
const SETTERS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'];

/** Undefined when `name` is no setter. */
function readSetting(name: string, text: string): { value: number; mask: number } | undefined {
  switch (name) {
    case 'set-xmark': {
      const { value, mask } = valueAndMask(name, text);
      return { value, mask: mask ?? ALL };
    }
    case 'set-mark': {
      const { value, mask } = valueAndMask(name, text);
      return { value, mask: mask === undefined ? ALL : (mask | value) >>> 0 };
    }
    case 'and-mark':
      return { value: 0, mask: ~number(name, text) >>> 0 };
    case 'or-mark': {
      const value = number(name, text);
      return { value, mask: value };
    }
    case 'xor-mark':
      return { value: number(name, text), mask: 0 };
    default:
      return undefined;
  }
}

export const mark: TargetExtension = {
  name: 'MARK',
  options: SETTERS.map((name) => option(name, 1)),
  parse(given) {
    needOption(given, 'MARK', ...SETTERS);
    exclusive(given, 'MARK', SETTERS);
    const asked = given[0];
    const setting = readSetting(asked?.name ?? '', word(asked));
    if (!setting) throw new Refusal('MARK: unknown option');
    return { kind: 'set-mark', ...setting };
  },
};

type ConnmarkAction = Extract<Action, { kind: 'set-connmark' | 'save-mark' | 'restore-mark' }>;

const WIDTH = 32;

/** The last shift counts. What one by all 32 bits does is the processor's business. */
function shifted(action: ConnmarkAction, given: readonly Given[]): Action {
  const shifts = given.filter((g) => g.name.endsWith('-shift-mark'));
  const bits = shifts.map((g) => number(g.name, word(g), WIDTH)).at(-1) ?? 0;
  if (bits === 0) return action;
  const moved = { ...action, shift: shifts.at(-1)?.name === 'left-shift-mark' ? -bits : bits };
  if (bits < WIDTH) return moved;
  const text = moved.kind === 'set-connmark' ? printSetMark(moved) : printMoveMark(moved);
  return { kind: 'unmodelled-target', text };
}

const printShift = ({ shift = 0 }: { shift?: number }): string =>
  shift === 0 ? '' : ` --${shift < 0 ? 'left' : 'right'}-shift-mark ${Math.abs(shift)}`;

export const connmark: TargetExtension = {
  name: 'CONNMARK',
  options: [
    ...SETTERS.map((name) => option(name, 1)),
    option('left-shift-mark', 1),
    option('right-shift-mark', 1),
    option('save-mark', 0),
    option('restore-mark', 0),
    option('mask', 1),
    option('nfmask', 1),
    option('ctmask', 1),
  ],
  parse(given) {
    const modes = [...SETTERS, 'save-mark', 'restore-mark'];
    needOption(given, 'CONNMARK', ...modes);
    exclusive(given, 'CONNMARK', modes);
    const g = byName(given);
    const asked = given.find((o) => modes.includes(o.name));
    const setting = readSetting(asked?.name ?? '', word(asked));
    const masks = ['mask', 'nfmask', 'ctmask'].filter((name) => g.has(name));
    if (setting) {
      if (masks.length) throw new Refusal(`CONNMARK: "--${masks[0]}" needs --save-mark or --restore-mark`);
      return shifted({ kind: 'set-connmark', ...setting }, given);
    }
    exclusive(given, 'CONNMARK', ['mask', 'nfmask']);
    exclusive(given, 'CONNMARK', ['mask', 'ctmask']);
    const mask = (name: string) => {
      const one = g.get(name) ?? g.get('mask');
      return one ? number(one.name, word(one)) : ALL;
    };
    const kind = asked?.name === 'save-mark' ? 'save-mark' : 'restore-mark';
    return shifted({ kind, nfmask: mask('nfmask'), ctmask: mask('ctmask') }, given);
  },
};

export function printSetMark(action: Extract<Action, { kind: 'set-mark' | 'set-connmark' }>): string {
  const setting = `--set-xmark ${hex(action.value)}/${hex(action.mask)}`;
  return action.kind === 'set-mark' ? `-j MARK ${setting}` : `-j CONNMARK ${setting}${printShift(action)}`;
}

export function printMoveMark(action: Extract<Action, { kind: 'save-mark' | 'restore-mark' }>): string {
  return `-j CONNMARK --${action.kind} --nfmask ${hex(action.nfmask)} --ctmask ${hex(action.ctmask)}${printShift(action)}`;
}
