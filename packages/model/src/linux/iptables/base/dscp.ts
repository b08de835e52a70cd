/** Classes of the differentiated services field (RFC 2474, 2597, 3246). */
import { Refusal } from './extension.ts';

function classValue(name: string): number | undefined {
  if (name === 'BE') return 0;
  if (name === 'EF') return 46;
  const cs = /^CS([0-7])$/.exec(name);
  if (cs) return Number(cs[1]) * 8;
  const af = /^AF([1-4])([1-3])$/.exec(name);
  return af ? Number(af[1]) * 8 + Number(af[2]) * 2 : undefined;
}

/** `EF` to `0x2e`. */
export function readDscpClass(text: string): string {
  const value = classValue(text.toUpperCase());
  if (value === undefined) throw new Refusal(`Invalid DSCP value \`${text}'`);
  return `0x${value.toString(16).padStart(2, '0')}`;
}
