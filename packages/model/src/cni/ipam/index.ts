/** Address managers by the name that `ipam.type` gives. */
import { type Call, CniError, type Ipam } from '../runtime/call.ts';
import { object, text } from '../runtime/conf.ts';
import { hostLocal } from './host-local/ipam.ts';
import { staticIpam } from './static/ipam.ts';

const IPAMS: Readonly<Record<string, Ipam>> = { 'host-local': hostLocal, static: staticIpam };

/** Undefined where the configuration asks for none. */
export function ipamOf({ conf }: Call): Ipam | undefined {
  const type = text(object(conf, 'ipam'), 'type') ?? '';
  if (type === '') return undefined;
  const found = Object.hasOwn(IPAMS, type) ? IPAMS[type] : undefined;
  if (!found) throw new CniError(`failed to find plugin "${type}" in path [/opt/cni/bin]`, 0);
  return found;
}
