/** Names of chains and targets (iptables/xshared.c:assert_valid_chain_name(), xt_parse_target()). */
import { Refusal } from './extension.ts';

/** XT_EXTENSION_MAXNAMELEN, the terminating zero included. */
const MAX_NAME = 29;
const VERDICTS = ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'];

/** What stands behind `-j` or `-g`. */
export function checkTargetName(name: string): void {
  if (name === '') throw new Refusal('Invalid target name (too short)');
  if (name.length >= MAX_NAME) throw new Refusal(`Invalid target name \`${name}' (${MAX_NAME - 1} chars max)`);
  if (/\s/.test(name)) throw new Refusal(`Invalid target name \`${name}'`);
}

/** Why no chain can have the name; undefined where one can. */
export function wrongChainName(name: string, isTarget: (name: string) => boolean): string | undefined {
  if (name.length >= MAX_NAME) return `chain name \`${name}' too long (must be under ${MAX_NAME} chars)`;
  if (/^[-!]/.test(name)) return `chain name not allowed to start with \`${name.charAt(0)}'`;
  if (isTarget(name) || VERDICTS.includes(name)) return 'chain name may not clash with target name';
  return name === '' || /\s/.test(name) ? `Invalid chain name \`${name}'` : undefined;
}
