/** `-m bpf`: net/netfilter/xt_bpf.c. The machine runs no such programs. */
import { exclusive, Refusal } from '../base/extension.ts';
import { type Printer, plain, row, type TextExtension } from '../base/table.ts';

/** XT_BPF_MAX_NUM_INSTR. */
const MAX_INSTRUCTIONS = 64;
/** Of code, jt, jf and k. */
const LIMITS = [0xffff, 0xff, 0xff, 0xffffffff];

/** `4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0`: how many instructions, then each. */
const bytecode: Printer = ([text = '']) => {
  const comma = text.indexOf(',');
  const head = text.slice(0, Math.max(comma, 0)).trim();
  if (comma < 0 || !/^\d+$/.test(head)) throw new Refusal('bpf: error parsing program length');
  const length = Number(head);
  if (length === 0) throw new Refusal('bpf: illegal zero length program');
  if (length > MAX_INSTRUCTIONS) throw new Refusal('bpf: number of instructions exceeds maximum');
  // A comma may end the last instruction.
  const parts = text
    .slice(comma + 1)
    .replace(/,$/, '')
    .split(',');
  if (parts.length > length) throw new Refusal('bpf: real program length exceeds the encoded length parameter');
  const instructions = parts.map((part, index) => {
    const numbers = part.trim().split(/\s+/);
    const fits =
      numbers.length === LIMITS.length && numbers.every((n, i) => /^\d+$/.test(n) && Number(n) <= (LIMITS[i] ?? 0));
    if (!fits) throw new Refusal(`bpf: error at instr ${index}`);
    return numbers.map(Number).join(' ');
  });
  if (instructions.length !== length) {
    throw new Refusal('bpf: parsed program length is less than the encoded length parameter');
  }
  return `"${length},${instructions.join(',')}"`;
};

export const bpf: TextExtension = {
  name: 'bpf',
  rows: [row('bytecode', bytecode), row('object-pinned', plain)],
  need: [['bytecode', 'object-pinned']],
  check: (given) => exclusive(given, 'bpf', ['bytecode', 'object-pinned']),
};
