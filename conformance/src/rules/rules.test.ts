/** Random policy rules with every selector: which table this kernel asks, and which the reference does. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Family, Link, Netns, PolicyPorts, PolicyRule, RouteQuestion } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { skipWithoutKernel } from '../lab/lab.fixture.ts';
import { Random } from '../lab/random.ts';

const CASES = 150;
const SEED = 'rules 1';
const TABLES = [100, 101, 102];
const LINKS = ['d0', 'd1', 'd2'];
const LABEL_MAX = 0xfffff;

const setup = [
  'ip link set lo up',
  ...LINKS.flatMap((name, i) => [
    `ip link add ${name} type veth peer name ${name}p`,
    `sysctl -qw net.ipv6.conf.${name}.accept_dad=0`,
    `ip link set ${name} up`,
    `ip link set ${name}p up`,
    ...(i === 1 ? [`ip link set ${name} group 7`] : []),
    `ip addr add 10.${i}.0.1/24 dev ${name}`,
    `ip addr add fd00:${i}::1/64 dev ${name} nodad`,
    ...[4, 6].map((family) => `ip -${family} route add default dev ${name} table ${TABLES[i]}`),
  ]),
].map((line) => line.split(' '));

const link = (name: string, i: number): Link => ({
  name,
  kind: 'veth',
  peer: { netns: 'host', link: name.endsWith('p') ? name.slice(0, -1) : `${name}p` },
  ...(name === 'd1' && { group: 7 }),
  index: i + 2,
});

const host: Netns = {
  name: 'host',
  links: LINKS.flatMap((name) => [name, `${name}p`]).map(link),
  addresses: LINKS.flatMap((name, i) =>
    [`10.${i}.0.1/24`, `fd00:${i}::1/64`].map((address) => ({ link: name, address })),
  ),
  tables: [
    { id: 254, routes: [] },
    ...TABLES.map((id, i) => ({
      id,
      routes: (['0.0.0.0/0', '::/0'] as const).map((destination) => ({
        family: (destination === '::/0' ? 6 : 4) as Family,
        type: 'unicast' as const,
        destination,
        nexthops: [{ dev: LINKS[i] as string }],
      })),
    })),
  ],
  sysctls: {},
  netfilter: [],
};

const KERNEL_RULES: PolicyRule[] = ([4, 6] as const).flatMap((family) =>
  [
    [0, 255],
    [32766, 254],
  ].map(([priority = 0, table = 0]) => ({ family, priority, action: { kind: 'lookup' as const, table } })),
);

/** A value has no bits but those of its mask. */
const ports = (r: Random): PolicyPorts => {
  const from = r.pick([337, 443, 1000]);
  if (!r.chance(1 / 3)) return { from, to: from + r.pick([0, 400]) };
  const mask = r.pick([0xff00, 0xf, 0xffff]);
  return { from: from & mask, to: from & mask, mask };
};

function dscp(r: Random): NonNullable<PolicyRule['dscp']> {
  const value = r.pick([0, 4, 46]);
  if (r.chance(1 / 2)) return { value };
  const mask = r.pick([0x3f, 0x38, 6]);
  return { value: value & mask, mask };
}

function draw(r: Random, family: Family, priority: number): PolicyRule {
  const selectors: (() => Partial<PolicyRule>)[] = [
    () => ({
      uidrange: r.pick([
        { from: 0, to: 0 },
        { from: 1, to: 1000 },
        { from: 1000, to: 4294967294 },
      ]),
    }),
    () => ({ dscp: dscp(r) }),
    () => ({ tos: r.pick([0x10, 0x08, ...(family === 6 ? [0xb8] : [])]) }),
    () => ({ tunId: 5 }),
    () => ({ ipproto: r.pick([6, 17]) }),
    () => ({ sport: ports(r) }),
    () => ({ dport: ports(r) }),
    () => ({ fwmark: { value: r.pick([1, 2, 3]), mask: r.pick([3, 1, 0xffffffff]) } }),
    () => ({ oif: r.pick(LINKS) }),
    () => ({ iif: r.pick(['lo', ...LINKS]) }),
  ];
  const drawn = Object.assign(
    {},
    ...Array.from({ length: 1 + r.between(0, 1) }, () => r.pick(selectors)()),
  ) as Partial<PolicyRule>;
  if (drawn.dscp) delete drawn.tos;
  return {
    family,
    priority,
    ...drawn,
    ...(r.chance(1 / 5) && { not: true }),
    ...(r.chance(1 / 4) && { suppressGroup: r.pick([0, 7]) }),
    ...(r.chance(1 / 6) && { suppressPrefixLength: 0 }),
    action: r.chance(1 / 8) ? { kind: 'prohibit' } : { kind: 'lookup', table: r.pick(TABLES) },
  };
}

const question = (r: Random, family: Family): RouteQuestion => ({
  family,
  daddr: family === 4 ? '192.0.2.9' : '2001:db8::9',
  uid: r.pick([0, 1, 1000, 1001]),
  tos: r.pick([0, 0x10, 0x08, 0xb8, 0x18]),
  mark: r.between(0, 3),
  protocol: r.pick([6, 17]),
  sport: r.pick([337, 443, 459, 1000]),
  dport: r.pick([81, 443, 480, 1016]),
  ...(r.chance(1 / 4) && { oif: r.pick(LINKS) }),
});

/** A rule as netlink has it. */
function asMessage({ action, sport, dport, dscp, fwmark, uidrange, ...rest }: PolicyRule): object {
  const pair = (range: { from: number; to: number } | undefined) => range && [range.from, range.to];
  return {
    ...rest,
    ...(action.kind === 'lookup' && { table: action.table }),
    sport: pair(sport),
    sportMask: sport?.mask,
    dport: pair(dport),
    dportMask: dport?.mask,
    dscp: dscp?.value,
    dscpMask: dscp?.mask,
    fwmark: fwmark?.value,
    fwmask: fwmark?.mask,
    uidrange: pair(uidrange),
  };
}

interface Asked {
  rules: PolicyRule[];
  questions: RouteQuestion[];
}

function askKernel(cases: readonly Asked[]): [table: number, errno: number][][] {
  const input = { setup, cases: cases.map(({ rules, questions }) => ({ rules: rules.map(asMessage), questions })) };
  const program = fileURLToPath(new URL('./rules.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync('python3', [program], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as [number, number][][];
}

const ERRORS: Readonly<Record<number, string>> = {
  13: 'EACCES',
  22: 'EINVAL',
  101: 'ENETUNREACH',
  113: 'EHOSTUNREACH',
};

test('every selector of a rule, on this kernel', (context) => {
  skipWithoutKernel(context);
  const r = new Random(SEED);
  const cases = Array.from({ length: CASES }, () => {
    const family = r.pick([4, 6] as const);
    const rules = Array.from({ length: 1 + r.between(0, 3) }, (_, i) => draw(r, family, 10 + i));
    return { rules, questions: Array.from({ length: 30 }, () => question(r, family)) };
  });
  const told = askKernel(cases);
  const reference = createReference();
  const wrong: string[] = [];
  cases.forEach(({ rules, questions }, at) => {
    reference.load({ netnses: [{ ...host, rules: [...KERNEL_RULES, ...rules] }] });
    questions.forEach((asked, i) => {
      const [table, errno] = told[at]?.[i] ?? [0, 0];
      const answer = reference.lookup('host', asked);
      // Without a route, a device that is named would do: that is not for the rules to say.
      const ours =
        'error' in answer ? answer.error : answer.table === undefined ? 'EHOSTUNREACH' : String(answer.table);
      const theirs = errno === 0 ? String(table) : ERRORS[errno];
      if (ours !== theirs)
        wrong.push(`seed ${SEED}, case ${at}: ${theirs}, not ${ours}: ${JSON.stringify({ rules, asked })}`);
    });
  });
  expect(wrong).toEqual([]);
  expect(new Set(told.flat().map(([table]) => table)).size).toBeGreaterThan(TABLES.length);
});

test('flow labels, on this kernel: what the reference has as a choice is the label of the packet', (context) => {
  skipWithoutKernel(context);
  const rule = (mask?: number) => ({
    family: 6,
    priority: 9,
    flowlabel: 5,
    ...(mask !== undefined && { flowlabelMask: mask }),
    table: 101,
  });
  const questions = [0, 5, 0x105, LABEL_MAX].map((flowlabel) => ({ family: 6, daddr: '2001:db8::9', flowlabel }));
  const behind = { family: 6, priority: 10, table: 100 };
  const input = {
    setup,
    cases: [undefined, 0xff].map((mask) => ({ rules: [rule(mask ?? LABEL_MAX), behind], questions })),
  };
  const program = fileURLToPath(new URL('./rules.py', import.meta.url));
  const { stdout } = spawnSync('python3', [program], { input: JSON.stringify(input), encoding: 'utf8' });
  expect(JSON.parse(stdout)).toEqual([
    [
      [100, 0],
      [101, 0],
      [100, 0],
      [100, 0],
    ],
    [
      [100, 0],
      [101, 0],
      [101, 0],
      [100, 0],
    ],
  ]);
});
