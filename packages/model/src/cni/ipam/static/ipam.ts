/** static: the addresses that the configuration names (plugins/ipam/static). */
import { containsAddress, parseAddress, parsePrefix } from '@podwire/engine';
import { type Call, CniError, type Plugin, readArgs } from '../../runtime/call.ts';
import { has, list, object } from '../../runtime/conf.ts';
import { type Dns, emptyResult, type IPConfig, type RouteConfig } from '../../runtime/result.ts';
import { hostOf } from '../../shared/address.ts';

interface Named {
  address: string;
  gateway?: string;
}

function checked(address: string, what: string): string {
  if (address.includes('/') && parsePrefix(address)) return address;
  throw new CniError(`${what} CIDR notation, got: '${address}'`);
}

/** Addresses of CNI_ARGS join those of the configuration; those of `args` and of the runtime take their place. */
function addressesOf({ conf, args }: Call): Named[] {
  if (!has(conf, 'ipam')) throw new CniError("IPAM config missing 'ipam' key");
  const ipam = object(conf, 'ipam');
  let found = list<Named>(ipam, 'addresses').map((one) => ({ ...one }));
  const given = readArgs(args, ['IP', 'GATEWAY']);
  for (const item of (given.get('IP') ?? '').split(',').filter((one) => one !== ''))
    found.push({ address: checked(item.trim(), "the 'ip' field is expected to be in") });
  for (const item of (given.get('GATEWAY') ?? '').split(',').filter((one) => one !== '')) {
    const gateway = parseAddress(item.trim());
    if (!gateway) throw new CniError(`invalid gateway address: ${item}`);
    for (const one of found) {
      const prefix = parsePrefix(one.address);
      if (prefix && containsAddress(prefix, gateway)) one.gateway = item.trim();
    }
  }
  for (const source of [object(object(conf, 'args'), 'cni'), object(conf, 'runtimeConfig')]) {
    const named = list<string>(source, 'ips');
    if (named.length > 0)
      found = named.map((address) => ({ address: checked(address, "an entry in the 'ips' field is NOT in") }));
  }
  for (const { address } of found) checked(address, "the 'address' field is expected to be in");
  return found;
}

export const staticIpam: Plugin = {
  add(call) {
    const ipam = object(call.conf, 'ipam');
    return {
      ...emptyResult(),
      ips: addressesOf(call).map(({ address, gateway }): IPConfig => ({ address, ...(gateway && { gateway }) })),
      routes: list<RouteConfig>(ipam, 'routes').map((route) => ({ ...route })),
      dns: { ...(object(ipam, 'dns') as Dns) },
    };
  },
  check(call) {
    const named = addressesOf(call);
    if (!call.prevResult) throw new CniError('Required prevResult missing');
    for (const { address, gateway } of named) {
      const same = call.prevResult.ips.find((one) => hostOf(one.address) === hostOf(address));
      if (same && gateway !== undefined && same.gateway !== gateway)
        throw new CniError(`static: Failed to match addr ${hostOf(address)} on interface ${call.ifname}`);
    }
  },
  del: () => undefined,
};
