/** `podwire rules --check` on a file of rules. */
import { expect, test } from 'vitest';
import { runPodwire } from '../podwire.fixture.ts';
import { EXIT } from '../shell/exit.ts';

const GOOD = ['-A INPUT -i lo -j ACCEPT', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'];

const file = (rules: readonly string[]) =>
  `*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:WEB - [0:0]\n:LEFT - [0:0]\n${rules.join('\n')}\nCOMMIT\n`;

const check = (text: string, ...more: string[]) =>
  runPodwire(['rules', '--check', '-f', '-', ...more], { stdin: text });

test('nothing to find', async () => {
  expect(await check(file(GOOD))).toEqual({
    out: '2 rules: 0 can never match, 0 change nothing, 0 chains no packet comes to\n',
    err: '',
    exitCode: EXIT.YES,
  });
});

test('each reason, with the rules behind it', async () => {
  const { out, exitCode } = await check(
    file([
      ...GOOD,
      '-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j DROP',
      '-A INPUT -p tcp -j WEB',
      '-A INPUT -m mark --mark 0x2/0x1 -j ACCEPT',
      '-A INPUT -p udp -j DROP',
      '-A WEB -p udp -j DROP',
      '-A LEFT -j DROP',
    ]),
  );
  expect(exitCode).toBe(EXIT.NO);
  expect(out).toBe(`ip filter INPUT rule 3 never matches: rule 2 shadows it
    -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j DROP
      2: -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
ip filter INPUT rule 5 never matches: its tests contradict each other
    -A INPUT -m mark --mark 0x2/0x1 -j ACCEPT
ip filter INPUT rule 6 changes nothing: its packets would fare the same without it
    -A INPUT -p udp -j DROP
ip filter WEB rule 1 never matches: no packet that comes to this chain is what it asks for
    -A WEB -p udp -j DROP
ip filter LEFT no packet comes to this chain: no rule that can match leads here
8 rules: 3 can never match, 1 change nothing, 1 chain no packet comes to
`);
});

test('as JSON', async () => {
  const { out } = await check(file([...GOOD, '-A INPUT -i lo -p udp -j DROP']), '-o', 'json');
  expect(JSON.parse(out)).toEqual({
    rows: [
      {
        table: 'ip filter',
        chain: 'INPUT',
        rule: 3,
        text: '-A INPUT -i lo -p udp -j DROP',
        kind: 'shadowed',
        by: [{ rule: 1, text: '-A INPUT -i lo -j ACCEPT' }],
      },
    ],
    rules: 3,
    undecided: [],
    coarse: [],
  });
});

test('what is not understood is told, and leaves the answer open', async () => {
  const { err, exitCode } = await check(file([...GOOD, '-A INPUT -m']));
  expect(err).toContain('stdin:9: ');
  expect(exitCode).toBe(EXIT.UNDECIDED);
});

test('a set of nftables that is empty', async () => {
  const { out, exitCode } = await check(`table ip filter {
  set hosts { type ipv4_addr; }
  chain input { type filter hook input priority 0; policy accept;
    ip saddr @hosts drop
  }
}
`);
  expect(exitCode).toBe(EXIT.NO);
  expect(out).toContain('ip filter input rule 1 never matches: the set it looks into is empty\n');
});
