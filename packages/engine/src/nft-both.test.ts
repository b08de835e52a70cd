/** Both machines on what a kernel was asked about: zones and marks from below, lengths of UDP-Lite. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, veth } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Machine } from './machine.ts';
import type { Netns, Network } from './network.ts';
import type { BaseHook, Statement, Table } from './rule.ts';
import type { Selector } from './selector.ts';
import { CtState, Disposition, Hook, Protocol, TcpFlag } from './terms.ts';
import { accept, chain, host, input, path, rule, to4 } from './testing/nft.ts';

const UDP_LITE = 136;

const machines: Record<string, Machine> = {};

beforeAll(async () => {
  const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url)));
  machines.engine = await createEngine({ wasm });
  machines.reference = createReference();
});

const is = (field: Selector, value: number): Statement => ({
  kind: 'compare',
  key: [field],
  op: 'eq',
  values: [value],
});

const set = (target: 'mark' | 'ct zone', value: number): Statement => ({
  kind: 'set-meta',
  target,
  value: { kind: 'value', values: [value] },
});

/** A macvlan in `guest` on a link of `host`, whose INGRESS has a rule; `peer` is on the other end of that link's wire. */
function above(body: Statement[], guest: Table): Network {
  const [eth0, wire] = veth(['host', 'eth0'], ['peer', 'eth0']);
  const ingress: BaseHook = {
    hook: Hook.INGRESS,
    priority: 0,
    type: 'filter',
    policy: 'accept',
    devices: ['eth0'],
  };
  const below: Table = { family: 'inet', name: 'b', syntax: 'nft', chains: [chain('below', [rule(...body)], ingress)] };
  const mac0 = { name: 'mac0', kind: 'macvlan', mode: 'bridge', lower: { netns: 'host', link: 'eth0' } } as const;
  return network(
    netns('peer', { links: [wire], addresses: ['eth0 10.0.0.1/24'] }),
    netns('host', { links: [eth0], netfilter: [below] }),
    netns('guest', { links: [mac0], addresses: ['mac0 10.0.0.2/24'], netfilter: [guest] }),
  );
}

describe.each(['engine', 'reference'])('%s', (name) => {
  const machine = () => machines[name] as Machine;

  test('what a rule at INGRESS attached goes up to a macvlan, into another namespace too', () => {
    const guest = input([[is({ field: 'meta mark' }, 7), is({ field: 'ct zone' }, 9), accept]]);
    machine().load(above([set('mark', 7), set('ct zone', 9)], guest));
    expect(machine().send('peer', packet('', '10.0.0.2')).end.disposition).toBe(Disposition.DELIVERED);
    expect(machine().conntrack('guest')).toMatchObject([{ zone: 9 }]);
    machine().load(above([{ kind: 'notrack' }], input([[is({ field: 'ct state' }, CtState.UNTRACKED), accept]])));
    expect(machine().send('peer', packet('', '10.0.0.2')).end.disposition).toBe(Disposition.DELIVERED);
    expect(machine().conntrack('guest')).toEqual([]);
  });

  test('what is invalid in one zone comes back by lo without a zone, and is judged again', () => {
    const rule: Table = {
      family: 'ip',
      name: 'raw',
      chains: [base('raw', Hook.OUTPUT, [{ body: [{ kind: 'ct-zone', zone: 5 }] }])],
    };
    const tracked = { ...host(rule).netnses[0], sysctls: { 'net.netfilter.nf_conntrack_tcp_loose': 0 } } as Netns;
    machine().load({ netnses: [tracked] });
    const steps = [TcpFlag.SYN, TcpFlag.ACK].flatMap((tcpFlags) => {
      if (tcpFlags === TcpFlag.ACK) machine().flush();
      return machine().send('host', to4({ saddr: '10.0.0.1', daddr: '10.0.0.1', tcpFlags })).steps;
    });
    const judged = steps.flatMap((step) => (step.kind === 'conntrack' ? [[CtState[step.state], step.zone]] : []));
    expect(judged).toEqual([
      ['NEW', 5],
      ['INVALID', 5],
      ['INVALID', 0],
    ]);
  });

  test('an element with an end that is updated without any time leaves at once', () => {
    const sets = [
      { name: 's', type: ['ipv4_addr' as const], dynamic: true, elements: [{ key: ['10.0.0.2'], timeout: 30 }] },
    ];
    const key: Selector[] = [{ field: 'ip saddr' }];
    const isThere: Statement = { kind: 'lookup', key, set: 's' };
    const rules: Statement[][] = [
      [isThere, set('mark', 1)],
      [{ kind: 'set-update', op: 'update', set: 's', key }],
      [isThere, accept],
    ];
    machine().load(host(input(rules, { sets })));
    const packets = [1, 2].map(() => path(machine().send('host', to4(), { link: 'eth0' }).steps));
    // The second packet finds nothing, and adds one that stays.
    expect(packets).toEqual([
      ['INPUT 0 CONTINUE', 'INPUT 1 CONTINUE'],
      ['INPUT 1 CONTINUE', 'INPUT 2 ACCEPT'],
    ]);
  });

  test('UDP-Lite has its coverage where UDP has its length: all of it, as Linux sends', () => {
    machine().load(host(input([[is({ field: 'udp length' }, 40), accept]])));
    const paths = [Protocol.UDP, UDP_LITE, Protocol.TCP].map((protocol) =>
      path(machine().send('host', to4({ protocol, tcpFlags: 0, length: 60 }), { link: 'eth0' }).steps),
    );
    expect(paths).toEqual([['INPUT 0 ACCEPT'], ['INPUT 0 ACCEPT'], []]);
  });
});
