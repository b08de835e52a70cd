/** May this source come in here? fib_validate_source, __fib_validate_source (net/ipv4/fib_frontend.c). IPv4 only. */
import { confAny, confMax, type Packet, type PolicyRule, Reason, type RouteTable } from '../src/index.ts';
import { type Flow, fibLookup, vrfOf } from './fib.ts';
import type { Device, Host } from './state.ts';

const STRICT = 1;

/** `ip rule` as a kernel starts with it. */
const DEFAULT_RULES: Readonly<Record<number, number>> = { 0: 255, 32766: 254, 32767: 253 };

function isDefault(rule: PolicyRule): boolean {
  const { family: _family, priority, action, cause: _cause, ...selectors } = rule;
  return (
    action.kind === 'lookup' &&
    DEFAULT_RULES[priority] === action.table &&
    Object.values(selectors).every((value) => value === undefined)
  );
}

/** Rules, or routes of type local, that the kernel did not make itself. */
function isCustom(host: Host): boolean {
  if (!host.netns.rules && host.netns.links.some(({ kind }) => kind === 'vrf')) return true;
  const rules = host.netns.rules?.filter((rule) => rule.family === 4);
  if (rules && (rules.length !== 3 || !rules.every(isDefault))) return true;
  for (const table of host.netns.tables)
    for (let level: RouteTable | undefined = table; level; level = level.base)
      if (level.routes.some((r) => r.family === 4 && r.type === 'local' && r.protocol !== 'kernel')) return true;
  return false;
}

/**
 * Undefined: valid. `out` is the device the packet would leave by, absent for local delivery; for broadcasts the source is judged without
 * a destination.
 */
export function validateSource(
  host: Host,
  packet: Packet,
  device: Device,
  out: Device | undefined,
  broadcast: boolean,
): Reason | undefined {
  const filter = confMax(host.netns.sysctls, 4, device.name, 'rp_filter');
  const conf = (name: string) => confAny(host.netns.sysctls, 4, device.name, name);
  const acceptLocal = conf('accept_local');
  if (filter === 0 && (device !== out || !conf('send_redirects'))) {
    if (acceptLocal) return undefined;
    if (!isCustom(host))
      return host.devices.some((d) => d.addresses.some((a) => a.text === packet.saddr))
        ? Reason.MARTIAN_SOURCE
        : undefined;
  }
  const flow: Flow = {
    family: 4,
    saddr: broadcast ? '0.0.0.0' : packet.daddr,
    daddr: packet.saddr,
    iif: out?.name ?? 'lo',
    vrf: vrfOf(device),
    mark: conf('src_valid_mark') ? packet.mark : 0,
    tos: packet.tos,
    protocol: packet.protocol,
    sport: packet.fragment ? 0 : packet.dport,
    dport: packet.fragment ? 0 : packet.sport,
  };
  const result = fibLookup(host, flow);
  const lastResort = filter === 0 ? undefined : Reason.RP_FILTER;
  if (result.error || !result.route) return lastResort;
  const { type } = result.route;
  if (type !== 'unicast' && (type !== 'local' || !acceptLocal)) return Reason.MARTIAN_SOURCE;
  // A VRF has the devices that it holds (fib_info_nh_uses_dev); a bridge has not its ports.
  const holds = (leg: Device) => device.link.kind === 'vrf' && leg.master === device;
  if (result.legs.some((leg) => leg.device === device || holds(leg.device))) return undefined;
  if (type === 'local' && device.link.kind === 'loopback') return undefined;
  if (!device.addresses.some((a) => a.prefix.family === 4)) return lastResort;
  return filter === STRICT ? Reason.RP_FILTER : undefined;
}
