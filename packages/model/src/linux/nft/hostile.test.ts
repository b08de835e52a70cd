import { describe, expect, it } from 'vitest';
import { parseNftRuleset, printNftRuleset } from './index.ts';

const inChain = (rule: string): string => `table ip t {\n chain c {\n${rule}\n }\n}\n`;
const MANY = 100_000;

describe('hostile text', () => {
  it('reads and prints a set of 100,000 addresses', () => {
    const addresses = Array.from({ length: MANY }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    const text = `table ip t {\n set s {\n type ipv4_addr\n flags interval\n elements = { ${addresses.join(', ')} }\n }\n}\n`;
    const { objects, problems } = parseNftRuleset(text);
    expect(problems).toEqual([]);
    const printed = printNftRuleset(objects);
    expect(printed).toContain('10.1.134.159 }');
    expect(printNftRuleset(parseNftRuleset(printed).objects)).toBe(printed);
  });

  it.each([
    ['braces', inChain(`ip saddr ${'{'.repeat(MANY)}`)],
    ['parentheses', inChain(`meta mark ${'('.repeat(MANY)}`)],
    ['operators', inChain(`meta mark ${'& 1 '.repeat(MANY)} == 1`)],
    ['flags', inChain(`tcp flags == ${'syn | '.repeat(MANY)} ack`)],
    ['quotes', '"'.repeat(MANY + 1)],
    ['ends of blocks', '} '.repeat(MANY)],
    ['no tokens', '~%`'.repeat(MANY)],
    ['colons', ':'.repeat(MANY)],
    [
      'JSON expressions',
      `{"nftables":[{"rule":{"table":"t","chain":"c","expr":[{"match":{"op":"==","left":${'{"&":['.repeat(5000)}1${',1]}'.repeat(5000)},"right":1}}]}}]}`,
    ],
    ['JSON lists', `{"nftables":${'['.repeat(5000)}${']'.repeat(5000)}}`],
  ])('stops at too many %s and says so', (_, text) => {
    const { problems } = parseNftRuleset(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThan(10);
  });

  it('stops where variables stand for too much', () => {
    const lines = ['define a0 = { 1.1.1.1, 2.2.2.2 }'];
    for (let i = 1; i < 40; i++) lines.push(`define a${i} = { $a${i - 1}, $a${i - 1} }`);
    const { problems } = parseNftRuleset(`${lines.join('\n')}\n${inChain('ip saddr $a39 drop')}`);
    expect(problems.map(({ message }) => message)).toContain('variables expand too far');
  });

  it('reads every beginning of a text', () => {
    const text = inChain(
      'ip saddr . tcp dport vmap { 10.0.0.1 . 22 : accept, 10.0.0.0/8 . 80-90 : jump "x" } comment "a \\" b"',
    );
    for (let end = 0; end < text.length; end++) {
      const { objects } = parseNftRuleset(text.slice(0, end));
      expect(() => printNftRuleset(objects)).not.toThrow();
    }
  });
});

it.each(['ct', 'ct original', 'meta', 'ip', 'rt', 'socket', 'tcp option', 'exthdr', 'fib daddr'])(
  '%s: words that every object has are no keys',
  (before) => {
    for (const word of ['__proto__', 'constructor', 'toString']) {
      const { problems } = parseNftRuleset(`table ip t {\nchain c {\n${before} ${word} 1\n}\n}`);
      expect(problems).not.toEqual([]);
    }
  },
);
