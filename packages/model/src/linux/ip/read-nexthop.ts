/** `ip nexthop show` text, plain or `-j`, to nexthop objects: the inverse of `print-nexthop.ts`. */
import { type Family, type NexthopObject, parseAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { scopeOf } from './names.ts';
import type { NexthopObjectRecord } from './print-nexthop.ts';
import { byLine, complaint, type ReadOptions, readRecords } from './read-records.ts';
import { takeEncap } from './read-route.ts';
import { numberOf } from './words.ts';

const FLAGS = [
  'onlink',
  'dead',
  'linkdown',
  'offload',
  'trap',
  'pervasive',
  'rt_offload',
  'rt_trap',
  'fdb',
  'unresolved',
];
/** Of resilient groups. */
const ARGS = ['buckets', 'idle_timer', 'unbalanced_timer', 'unbalanced_time'];

function readGroup(text: string): { id: number; weight?: number }[] {
  return text.split('/').map((part) => {
    const [id = '', weight] = part.split(',');
    return { id: numberOf(id, 'id'), ...(weight !== undefined && { weight: numberOf(weight, 'weight', 65536) }) };
  });
}

/** `id 1 via 10.0.0.9 dev eth0 scope link proto bgp onlink` */
function readLine(line: string): NexthopObjectRecord {
  const words = line.trim().split(/\s+/);
  const record: NexthopObjectRecord = { id: -1, flags: [] };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const value = () => words.shift() ?? '';
    if (word === 'id') record.id = numberOf(value(), 'id');
    else if (word === 'group') record.group = readGroup(value());
    else if (word === 'type') record.type = value();
    else if (word === 'encap') record.encap = takeEncap(words);
    else if (word === 'via') record.gateway = value();
    else if (word === 'dev') record.dev = value();
    else if (word === 'scope') record.scope = value();
    else if (word === 'proto') record.protocol = value();
    else if (word === 'blackhole') record.blackhole = null;
    else if (ARGS.includes(word)) record.resilient_args = { ...record.resilient_args, [word]: Number(value()) };
    else if (FLAGS.includes(word)) record.flags.push(word);
    else throw new RangeError(`"${word}" is not understood`);
  }
  if (record.id < 0) throw new RangeError('no id');
  return record;
}

const KEYS = [
  'id',
  'group',
  'type',
  'encap',
  'resilient_args',
  'gateway',
  'via',
  'dev',
  'scope',
  'blackhole',
  'protocol',
  'flags',
];

function extraOf({ type, resilient_args }: NexthopObjectRecord): string | undefined {
  if (type === undefined || type === 'mpath') return undefined;
  return [
    `type ${type}`,
    ...Object.entries(resilient_args ?? {}).map(([name, value]) => `${name} ${String(value)}`),
  ].join(' ');
}

/**
 * The listing does not say it. Without a gateway IPv4's is of scope host, IPv6's of scope link (nexthop_create_ipv4, nexthop_create_ipv6; tried);
 * a black hole is taken for IPv4, unless routes say otherwise.
 */
function familyOf({ gateway, dev, scope }: NexthopObjectRecord): Family {
  if (gateway !== undefined) return gateway.includes(':') ? 6 : 4;
  return dev !== undefined && scope === 'link' ? 6 : 4;
}

/** Throws RangeError. */
function toObject(record: NexthopObjectRecord): NexthopObject {
  const strange = Object.keys(record).find((key) => !KEYS.includes(key));
  if (strange !== undefined) throw new RangeError(`"${strange}" is not understood`);
  const { id, group, gateway, dev, scope, blackhole, protocol, flags } = record;
  if ([record, ...(group ?? [])].some((one) => one.id === undefined)) throw new RangeError('no id');
  const family = familyOf(record);
  if (gateway !== undefined && !parseAddress(gateway)) throw new RangeError(`"${gateway}" is no address`);
  const extra = extraOf(record);
  return {
    id,
    ...(!group && { family }),
    ...(group && { group: group.map((m) => ({ id: m.id, weight: m.weight ?? 1 })) }),
    ...(dev !== undefined && {
      nexthop: {
        dev,
        ...(gateway !== undefined && { via: gateway }),
        ...(flags?.includes('onlink') && { onlink: true }),
        ...(record.encap !== undefined && { encap: record.encap }),
      },
      scope: scopeOf(scope ?? 'link'),
    }),
    ...(blackhole !== undefined && { blackhole: true }),
    ...(protocol !== undefined && protocol !== 'unspec' && { protocol }),
    ...(extra !== undefined && { extra }),
  };
}

export function readIpNexthop(
  text: string,
  options: ReadOptions = {},
): { nexthops: NexthopObject[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const nexthops: NexthopObject[] = [];
  for (const { record, line } of readRecords<NexthopObjectRecord>(text, readLine, 'ip-nexthop', problems, options)) {
    try {
      nexthops.push(toObject(record));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(complaint('ip-nexthop', `nexthop ${record.id}: ${why}`, line, options));
    }
  }
  return { nexthops, problems: byLine(problems) };
}
