import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, test } from 'vitest';
import { answerJson } from './answer-json.ts';
import { translateRules } from './translation-answer.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/translation.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

const file = (text: string, name = 'a') => [{ name, text }];
const SAVE =
  '*filter\n:tcp - [0:0]\n:INPUT DROP [0:0]\n-A INPUT -m recent --set --name x\n-A INPUT -p tcp -j tcp\nCOMMIT\n';
const NFT =
  'table inet t {\n chain c {\n  type filter hook input priority 0;\n  th dport 53 drop\n }\n}\ntable netdev n {\n}\n';

describe('answers are as the schema says', () => {
  it.each([
    ['iptables', SAVE],
    ['nftables', NFT],
    ['lines that are none', `${SAVE}-A INPUT\n--\n`],
  ])('%s', (_what, text) => {
    const answer = translateRules(file(text));
    validate(JSON.parse(answerJson(answer as object)));
    expect(validate.errors ?? []).toEqual([]);
  });
});

test('rules of both tools must be told apart', () => {
  const both = [...file(SAVE), ...file(NFT, 'b')];
  expect(translateRules(both)).toBe('both tools');
  expect(translateRules(both, { to: 'nft' })).toMatchObject({ to: 'nft', rules: { all: 2, translated: 1 } });
  expect(translateRules(both, { to: 'iptables' })).toMatchObject({ to: 'iptables', rules: { all: 1, translated: 0 } });
});

test('nothing to translate', () => {
  expect(translateRules(file('hello\n'))).toBe('no rules');
  expect(translateRules(file(SAVE), { to: 'iptables' })).toBe('no rules');
});
