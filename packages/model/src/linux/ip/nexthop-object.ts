/** `ip nexthop`: net/ipv4/nexthop.c. */
import type { Family, Netns, Nexthop, NexthopObject } from '@podwire/engine';
import { findLink, type Host, hasCarrier, isUp } from './host.ts';
import { protocolWord } from './names.ts';
import { checkNexthop4 } from './nexthop4.ts';
import { checkNexthop6 } from './nexthop6.ts';
import { IpRefusal, kernelError, kernelSays } from './refusal.ts';
import type { NexthopRequest } from './route-request.ts';
import { numberOf, type Words } from './words.ts';

function objectOf(netns: Netns, id: number): NexthopObject | undefined {
  return netns.nexthops?.find((object) => object.id === id);
}

/** How many buckets a resilient group has. */
export function bucketsOf({ extra }: NexthopObject): number | undefined {
  const m = /^type resilient\b.*\bbuckets (\d+)/.exec(extra ?? '');
  return m ? Number(m[1]) : undefined;
}

/** What a route of `family` gets from an object. */
export function objectNexthops(
  netns: Netns,
  id: number,
  family: Family,
): { nexthops: Nexthop[]; blackhole: boolean; buckets?: number } {
  const object = objectOf(netns, id);
  if (!object) throw kernelSays('Nexthop id does not exist');
  const members = object.group?.map(({ id, weight }) => ({ member: objectOf(netns, id), weight }));
  const all = members ?? [{ member: object, weight: 1 }];
  // A group of nothing but IPv4 gateways is no nexthop for IPv6 (fib6_check_nexthop).
  const ipv4 = all.some(({ member }) => member?.family === 4 && !member.blackhole);
  if (family === 6 && ipv4) throw kernelSays('IPv6 routes can not use an IPv4 nexthop');
  const nexthops = all.flatMap(({ member, weight }) =>
    member?.nexthop ? [{ ...member.nexthop, ...(weight !== 1 && { weight }) }] : [],
  );
  const buckets = bucketsOf(object);
  return {
    nexthops,
    blackhole: all.some(({ member }) => member?.blackhole === true),
    ...(buckets !== undefined && { buckets }),
  };
}

interface Asked {
  id: number | undefined;
  request: NexthopRequest;
  blackhole: boolean;
  group: { id: number; weight: number }[] | undefined;
  protocol: string | undefined;
  extra: string | undefined;
}

/** What a resilient group has where nobody says otherwise, in the kernel's hundredths of a second (nh_res_table_alloc, rtm_to_nh_config_grp_res). */
const RESILIENT: readonly (readonly [word: string, value: number])[] = [
  ['buckets', 0],
  ['idle_timer', 120],
  ['unbalanced_timer', 0],
];

/** `mpath`, or `resilient` with its numbers, as they are listed. */
function readType(words: Words): string | undefined {
  const type = words.next('type');
  if (type === 'mpath') return undefined;
  if (type !== 'resilient') throw new IpRefusal(`nexthop type "${type}" is not modelled`);
  const said = new Map<string, number>(RESILIENT);
  for (let name = words.peek(); name !== undefined && said.has(name); name = words.peek()) {
    words.next();
    said.set(name, words.number(name));
  }
  if (!said.get('buckets')) throw kernelSays('Number of buckets not specified for nexthop group insertion');
  return `type resilient ${[...said].map(([name, value]) => `${name} ${value}`).join(' ')} unbalanced_time 0`;
}

function readGroup(text: string): { id: number; weight: number }[] {
  return text.split('/').map((part) => {
    const [id = '', weight] = part.split(',');
    return { id: numberOf(id, 'id'), weight: weight === undefined ? 1 : numberOf(weight, 'weight', 65536) };
  });
}

function read(words: Words): Asked {
  const asked: Asked = {
    id: undefined,
    request: { weight: 1, onlink: false },
    blackhole: false,
    group: undefined,
    protocol: undefined,
    extra: undefined,
  };
  while (!words.done) {
    const word = words.next();
    if (word === 'id') asked.id = words.number('id');
    else if (word === 'via') {
      words.take('inet', 'inet6');
      asked.request.via = words.address();
    } else if (word === 'dev') asked.request.dev = words.next('device');
    else if (word === 'onlink') asked.request.onlink = true;
    else if (word === 'blackhole') asked.blackhole = true;
    else if (word === 'group') asked.group = readGroup(words.next('group'));
    else if (word === 'type') asked.extra = readType(words);
    else if (word === 'proto' || word === 'protocol') asked.protocol = protocolWord(words.next('protocol'));
    else throw new IpRefusal(`nexthop option "${word}" is not modelled`);
  }
  return asked;
}

function checkGroup(netns: Netns, group: readonly { id: number }[]): void {
  for (const { id } of group) {
    const member = objectOf(netns, id);
    if (!member) throw kernelSays('Invalid nexthop id');
    if (member.group) throw kernelSays('Nexthop group can not be a nexthop within a group');
    if (member.blackhole && group.length > 1) {
      throw kernelSays('Blackhole nexthop can not be used in a group with more than 1 path');
    }
  }
}

function build(host: Host, asked: Asked, id: number, family: Family | undefined): NexthopObject {
  const protocol = asked.protocol === undefined ? {} : { protocol: asked.protocol };
  if (asked.group) {
    checkGroup(host.netns, asked.group);
    return { id, group: asked.group, ...protocol, ...(asked.extra !== undefined && { extra: asked.extra }) };
  }
  const of = family ?? (asked.request.via?.includes(':') ? 6 : 4);
  if (asked.blackhole) return { id, family: of, blackhole: true, ...protocol };
  const { dev } = asked.request;
  if (dev === undefined) throw kernelSays('Nexthop attribute is missing');
  const link = findLink(host.netns, dev);
  if (!link) throw new IpRefusal(`Cannot find device "${dev}"`);
  if (!isUp(link)) throw kernelError('ENETDOWN');
  if (!hasCarrier(host, link)) throw kernelSays('Carrier for nexthop device is down', 'ENETDOWN');
  const checked =
    of === 4
      ? checkNexthop4(host, asked.request, 0, 'global')
      : { nexthop: checkNexthop6(host, asked.request, 0), scope: 'link' as const };
  return { id, family: of, ...checked, ...protocol };
}

export function changeNexthop(host: Host, verb: string, words: Words, family: Family | undefined): void {
  const asked = read(words);
  const { netns } = host;
  netns.nexthops ??= [];
  const objects = netns.nexthops;
  const { id } = asked;
  if (id === undefined) throw new IpRefusal('a nexthop without an id is not modelled');
  const at = objects.findIndex((object) => object.id === id);
  if (verb === 'del' || verb === 'delete') {
    if (at < 0) throw kernelError('ENOENT');
    objects.splice(at, 1);
    for (const table of netns.tables) table.routes = table.routes.filter((route) => route.nhid !== id);
    return;
  }
  if (verb === 'add' && at >= 0) throw kernelSays('Nexthop id already exists', 'EEXIST');
  const object = build(host, asked, id, family);
  if (at >= 0) objects[at] = object;
  else objects.push(object);
  objects.sort((a, b) => a.id - b.id);
}
