/** What a record of the trace says of IPVS. */
import type { Abi } from './abi.ts';
import type { Objects } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { IpvsService } from './ipvs.ts';
import { IpvsHow } from './ipvs-codes.ts';
import type { Netns } from './network.ts';
import type { Views } from './views.ts';
import type { Step } from './walk.ts';

const HOWS = {
  [IpvsHow.SCHEDULED]: 'scheduled',
  [IpvsHow.PERSISTENT]: 'persistent',
  [IpvsHow.KNOWN]: 'known',
  [IpvsHow.REPLY]: 'reply',
  [IpvsHow.NONE]: 'none',
} as const;

function item<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new EngineError('BROKEN', `the engine names object ${index} of ${list.length}`);
  return found;
}

export function readIpvs(abi: Abi, { u8, u32 }: Views, objects: Objects, at: number, netns: Netns): Step {
  const server = u32[(at + abi.IPVS_STEP_SERVER) >>> 2] as number;
  return {
    kind: 'ipvs',
    netns,
    hook: u8[at + abi.IPVS_STEP_HOOK] as number,
    how: HOWS[u8[at + abi.IPVS_STEP_HOW] as IpvsHow],
    service: item(objects.ipvsServices, u32[(at + abi.IPVS_STEP_SERVICE) >>> 2] as number),
    ...(server !== 0 && { server: item(objects.ipvsServers, server - 1) }),
  };
}

/** The service whose record is at `record`. */
export const serviceAt = (abi: Abi, { u32 }: Views, objects: Objects, record: number): IpvsService =>
  item(objects.ipvsServices, u32[(record + abi.IPVS_SERVICE_ID) >>> 2] as number);
