/** Connections are read back as they were printed, in every form. */
import type { ConntrackDetails, ConntrackEntry, Tuple } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { Chance } from '../random.fixture.ts';
import { printConntrack, printConntrackXml, printProcConntrack, readConntrack } from './index.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251121);
const chance = new Chance(SEED);
const ROUNDS = 60;

function rounds(check: () => void): void {
  for (let i = 0; i < ROUNDS; i++) check();
}

function randomTuple(family: 4 | 6, protocol: number): Tuple {
  const ends = { saddr: chance.address(family), daddr: chance.address(family) };
  if ([2, 50, 99].includes(protocol)) return { ...ends, sport: 0, dport: 0 };
  return { ...ends, sport: chance.below(65536), dport: chance.below(65536) };
}

function randomDetails(): ConntrackDetails | undefined {
  const details: ConntrackDetails = {
    ...chance.maybe('original', () => chance.counters()),
    ...chance.maybe('reply', () => chance.counters()),
    ...chance.maybe('helper', () => 'ftp'),
    ...chance.maybe('labels', () => 'one,two'),
    ...chance.maybe('secctx', () => 'system_u:object_r:x:s0'),
    ...chance.maybe('deltaTime', () => chance.below(1000)),
    ...chance.maybe('start', () => 'Sat Nov 21 17:26:06 2026'),
    ...chance.maybe('use', () => chance.below(9)),
    ...chance.maybe('id', () => chance.word()),
  };
  return Object.keys(details).length > 0 ? details : undefined;
}

function randomEntry(): ConntrackEntry {
  const family = chance.of([4, 6] as const);
  const protocol = chance.of([6, 17, 132, 47, 2, 50, 99, family === 4 ? 1 : 58]);
  const original = randomTuple(family, protocol);
  const isIcmp = protocol === 1 || protocol === 58;
  const turned = { saddr: original.daddr, daddr: original.saddr };
  const plain: Tuple = isIcmp
    ? { ...turned, sport: original.sport, dport: 0 }
    : { ...turned, sport: original.dport, dport: original.sport };
  const [snat, dnat] = [chance.is(0.3), chance.is(0.3)];
  const reply = {
    ...plain,
    ...(snat && { daddr: family === 4 ? '9.9.9.9' : '2001:db9::9' }),
    ...(dnat && { saddr: family === 4 ? '8.8.8.8' : '2001:db9::8' }),
  };
  const zone = chance.is(0.3) ? 1 + chance.below(65535) : 0;
  const offload = chance.is(0.2) ? { offload: chance.of(['software', 'hardware'] as const) } : {};
  const direction = zone !== 0 && chance.is(0.3) ? { zoneDirection: chance.of(['ORIGINAL', 'REPLY'] as const) } : {};
  const details = { ...randomDetails(), ...offload, ...direction };
  return {
    family,
    protocol,
    original,
    reply,
    ...(protocol === 6 && { tcpState: chance.of(['ESTABLISHED', 'SYN_SENT', 'TIME_WAIT']) }),
    ...(protocol === 132 && { state: chance.of(['ESTABLISHED', 'COOKIE_WAIT']) }),
    ...chance.maybe('timeout', () => chance.below(432000)),
    seenReply: chance.is(),
    assured: 'offload' in offload || chance.is(),
    snat,
    dnat,
    mark: chance.is() ? chance.word() : 0,
    zone,
    ...(Object.keys(details).length > 0 && { details }),
  };
}

/** What a form does not show. */
function hide(entries: readonly ConntrackEntry[], ...fields: (keyof ConntrackDetails)[]): ConntrackEntry[] {
  return entries.map(({ details, ...entry }) => {
    const left = Object.entries(details ?? {}).filter(([name]) => !fields.includes(name as keyof ConntrackDetails));
    return left.length === 0 ? entry : { ...entry, details: Object.fromEntries(left) };
  });
}

describe(`conntrack (PODWIRE_SEED=${SEED})`, () => {
  test('plain', () => {
    rounds(() => {
      const all = chance.list(4, randomEntry);
      expect(readConntrack(printConntrack(all))).toEqual({ entries: hide(all, 'start', 'id', 'labels'), problems: [] });
    });
  });

  test('extended, with everything', () => {
    rounds(() => {
      const all = chance.list(4, randomEntry);
      const text = printConntrack(all, { extended: true, id: true, timestamp: true, labels: true });
      expect(readConntrack(text)).toEqual({ entries: all, problems: [] });
    });
  });

  test('xml', () => {
    rounds(() => {
      const all = chance.list(4, randomEntry);
      expect(readConntrack(printConntrackXml(all))).toEqual({ entries: all, problems: [] });
    });
  });

  test('/proc/net/nf_conntrack', () => {
    rounds(() => {
      const all = chance.list(4, randomEntry);
      const text = printProcConntrack(all);
      expect(text.split('\n').filter((line) => line !== '' && !/ zone(-\w+)?=/.test(line))).toEqual([]);
      expect(readConntrack(text)).toEqual({ entries: hide(all, 'start', 'id', 'labels'), problems: [] });
    });
  });
});
