import { beforeAll, expect, test } from 'vitest';
import { type NetnsSectionName, netnsText } from './netns-text.ts';
import { openSession, type Session } from './session.ts';
import { SHOP, source } from './shop.ts';

let session: Session;
beforeAll(async () => {
  session = await openSession({ files: [source(SHOP)] });
});

function text(netns: string, only: NetnsSectionName): string {
  const { netnses } = session.dataplane.network;
  const found = netnses.find((n) => n.name === netns);
  if (!found) throw new Error(`no ${netns}`);
  return netnsText(found, netnses, [only])
    .map((s) => s.text)
    .join('');
}

test('each node has one route to the pods of each node, its own through its bridge', () => {
  for (const node of session.dataplane.nodes.keys()) {
    const lines = text(node, 'route').trim().split('\n');
    const destinations = lines.map((line) => line.split(' ')[0]);
    expect(new Set(destinations).size, lines.join('\n')).toBe(destinations.length);
    expect(lines.filter((line) => /^10\.244\.\d\.0\/24 dev cni0 /.test(line)).length).toBe(1);
    expect(lines.filter((line) => /^10\.244\.\d\.0\/24 via /.test(line)).length).toBe(session.dataplane.nodes.size - 1);
  }
});

test('sections come in their own order whatever the order asked', () => {
  const { netnses } = session.dataplane.network;
  const [first] = netnses;
  const names = first && netnsText(first, netnses, ['sysctl', 'iptables', 'rule']).map((s) => s.name);
  expect(names).toEqual(['iptables', 'rule', 'rule', 'sysctl']);
});
