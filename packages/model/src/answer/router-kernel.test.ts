/**
 * A plain router by its dump, judged by the kernel that was dumped: random rules, and connections through them. What stands behind the
 * links answers everything there, as podwire takes it to.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createReference } from '@podwire/engine/reference';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNode } from '../linux/index.ts';
import { Chance } from '../linux/random.fixture.ts';
import type { TraceAnswer } from './answer.ts';
import { PROGRAM, setup } from './router-kernel.fixture.ts';
import { openSession } from './session.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251121);
const ROUNDS = 6;
const chance = new Chance(SEED);
const id = process.pid;
const names = { router: `pw-r${id}`, inside: `pw-i${id}`, outside: `pw-o${id}`, dmz: `pw-d${id}` };

interface Flow {
  from: 'router' | 'inside' | 'outside';
  /** As podwire is asked. */
  name: string;
  source?: string;
  to: string;
  port: number;
}

const inside = { from: 'inside', name: '10.0.0.5', source: '10.0.0.5' } as const;
const second = { from: 'inside', name: '10.0.0.6', source: '10.0.0.6' } as const;
const outside = { from: 'outside', name: '203.0.113.1', source: '203.0.113.1' } as const;
const router = { from: 'router', name: 'router' } as const;

const FLOWS: Flow[] = [
  { ...inside, to: '93.184.216.34', port: 443 },
  { ...inside, to: '93.184.216.34', port: 25 },
  { ...second, to: '93.184.216.34', port: 443 },
  { ...second, to: '198.51.100.9', port: 80 },
  { ...inside, to: '10.0.0.1', port: 22 },
  { ...inside, to: '10.0.0.1', port: 23 },
  { ...inside, to: '203.0.113.2', port: 22 },
  { ...inside, to: '192.168.50.80', port: 8443 },
  { ...inside, to: '10.98.1.1', port: 80 },
  { ...inside, to: '10.99.1.1', port: 80 },
  { ...outside, to: '203.0.113.2', port: 22 },
  { ...outside, to: '203.0.113.2', port: 443 },
  { ...outside, to: '203.0.113.2', port: 8080 },
  { ...outside, to: '10.0.0.5', port: 80 },
  { ...router, to: '93.184.216.34', port: 443 },
  { ...router, to: '10.0.0.5', port: 80 },
];

const side = () => (chance.is(0.4) ? ` -i ${chance.of(['lan0', 'wan0', 'dmz0'])}` : '');
const ports = () =>
  chance.of([
    ` -p tcp -m tcp --dport ${chance.of([22, 25, 80, 443, 8443])}`,
    ' -p tcp -m multiport --dports 22,80,443',
    ' -p tcp',
    '',
  ]);
const ends = () =>
  chance.of([
    '',
    ' -s 10.0.0.0/24',
    ' -s 10.0.0.5/32',
    ' ! -s 10.0.0.6/32',
    ' -d 93.184.216.0/24',
    ' -d 203.0.113.2/32',
  ]);
const state = () =>
  chance.of([
    '',
    '',
    ' -m conntrack --ctstate NEW',
    ' -m conntrack --ctstate RELATED,ESTABLISHED',
    ' -m conntrack --ctstate DNAT',
  ]);
const verdict = () =>
  chance.of([
    'ACCEPT',
    'ACCEPT',
    'DROP',
    'REJECT --reject-with icmp-port-unreachable',
    'REJECT --reject-with icmp-host-prohibited',
    'user',
    'RETURN',
  ]);

function filterRules(chain: string, count: number): string[] {
  return Array.from({ length: chance.below(count + 1) }, () => {
    const target = chain === 'user' ? chance.of(['ACCEPT', 'DROP', 'RETURN']) : verdict();
    const tcp = ports();
    return `-A ${chain}${ends()}${chain === 'OUTPUT' ? '' : side()}${tcp}${state()} -j ${target}`;
  });
}

function randomRules(): string {
  const policy = () => chance.of(['ACCEPT', 'ACCEPT', 'DROP']);
  const nat = [
    ...(chance.is(0.7) ? ['-A POSTROUTING -s 10.0.0.0/24 -o wan0 -j MASQUERADE'] : []),
    ...(chance.is(0.3) ? ['-A POSTROUTING -o dmz0 -j SNAT --to-source 192.168.50.1'] : []),
    ...(chance.is() ? ['-A PREROUTING -i wan0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.5:8443'] : []),
    ...(chance.is(0.3) ? ['-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 22'] : []),
    ...(chance.is(0.3)
      ? ['-A OUTPUT -d 93.184.216.34/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.50.80:99']
      : []),
  ];
  const mangle = chance.is(0.4) ? [`-A PREROUTING -i lan0${ports()} -j MARK --set-xmark 0x1/0xffffffff`] : [];
  return [
    '*mangle',
    ...mangle,
    'COMMIT',
    '*nat',
    ...nat,
    'COMMIT',
    '*filter',
    `:INPUT ${policy()} [0:0]`,
    `:FORWARD ${policy()} [0:0]`,
    ':OUTPUT ACCEPT [0:0]',
    ':user - [0:0]',
    ...filterRules('INPUT', 4),
    ...filterRules('FORWARD', 6),
    ...filterRules('OUTPUT', 1),
    ...filterRules('user', 3),
    'COMMIT',
    '',
  ].join('\n');
}

const COMMANDS = {
  addr: 'ip -d addr',
  route: 'ip route show table all',
  rule: 'ip rule',
  neigh: 'ip neigh',
  save: 'iptables-legacy-save',
  sysctl: 'sysctl -a 2>/dev/null',
  ss: 'ss -lntup',
  conntrack: 'conntrack -L 2>/dev/null',
};

/** What a program sees, in the words of the answer. */
const SEEN: Readonly<Record<string, string>> = {
  'connection refused': 'refused',
  'no route to host': 'unreachable',
  'network is unreachable': 'unreachable',
  'permission denied': 'unreachable',
  'invalid argument': 'blackhole',
  'time-out': 'timeout',
};

function seen({ verdict, reason, groups }: TraceAnswer): string {
  if (verdict === 'delivered') return 'connected';
  return SEEN[groups[0]?.symptom ?? ''] ?? `${verdict} ${reason} ${groups[0]?.symptom}`;
}

let why = '';
let rounds: { dumps: Record<string, string>; results: string[] }[] = [];
const rules = Array.from({ length: ROUNDS }, randomRules);

beforeAll(() => {
  if (process.getuid?.() !== 0) why = 'needs kernel: not root';
  const made = why === '' ? spawnSync('bash', ['-e', '-c', setup(id)], { encoding: 'utf8' }) : undefined;
  if (made && made.status !== 0) why = `needs kernel: ${made.stderr.split('\n')[0]}`;
  if (why !== '') return;
  const input = JSON.stringify({
    ...names,
    listening: [22],
    rounds: rules,
    flows: FLOWS,
    commands: COMMANDS,
    seconds: 0.7,
  });
  rounds = JSON.parse(
    execFileSync('python3', ['-c', PROGRAM], { input, encoding: 'utf8', maxBuffer: 1 << 28 }),
  ) as typeof rounds;
});

afterAll(() => {
  spawnSync('bash', ['-c', `for n in ${Object.values(names).join(' ')}; do ip netns del $n; done 2>/dev/null`]);
});

test.for(rules.map((text, i) => ({ i, text })))(`round $i (PODWIRE_SEED=${SEED})`, async ({ i, text }, context) => {
  context.skip(why !== '', why);
  const round = rounds[i];
  if (!round) throw new Error('a round is missing');
  const encoder = new TextEncoder();
  const files = Object.entries(round.dumps).map(([name, dump]) => ({ name, bytes: encoder.encode(dump) }));
  const dump = readNode('router', files);
  expect(dump.problems.filter((p) => p.severity === 'error')).toEqual([]);
  const session = await openSession({ files: [], dumps: [dump], machine: createReference() });
  for (const [at, flow] of FLOWS.entries()) {
    const answer = session.trace({ from: flow.name, to: `tcp:${flow.to}:${flow.port}` });
    const about = `${flow.name} to ${flow.to}:${flow.port}: ${answer.verdict} (${answer.reason})\n${text}`;
    // An answer that strays is not known to arrive anywhere.
    if (answer.reason !== 'leaves-by-other-link') expect(seen(answer), about).toBe(round.results[at]);
  }
});
