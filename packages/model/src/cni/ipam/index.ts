/** Address managers by the name that `ipam.type` gives. */
import { type Call, type Plugin, Unmodelled } from '../runtime/call.ts';
import { object, text } from '../runtime/conf.ts';
import { hostLocal } from './host-local/ipam.ts';
import { staticIpam } from './static/ipam.ts';

const IPAMS: Readonly<Record<string, Plugin>> = { 'host-local': hostLocal, static: staticIpam };

/** Undefined where the configuration asks for none. Throws `Unmodelled`. */
export function ipamOf({ conf }: Call): Plugin | undefined {
  const type = text(object(conf, 'ipam'), 'type') ?? '';
  if (type === '') return undefined;
  const found = Object.hasOwn(IPAMS, type) ? IPAMS[type] : undefined;
  if (!found) throw new Unmodelled(`the address manager ${type} is not modelled`);
  return found;
}
