/** What is said of session affinity: core/v1's default of three hours, and xt_recent's default of 100 addresses a list. */
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { why } from '../why/why.ts';
import { openSession } from './session.ts';
import { SHOP, source } from './shop.ts';

const STICKY = SHOP.replace('type: NodePort\n', 'type: NodePort\n  sessionAffinity: ClientIP\n');

test.each([
  ['iptables', 'ip_list_tot'],
  ['nftables', 'nftables'],
] as const)('%s: for how long, by whom it is remembered, and what outsiders share', async (proxyMode, by) => {
  const session = await openSession({ files: [source(STICKY)], overrides: { proxyMode }, machine: createReference() });
  const note = (from: string, to: string) =>
    session.trace({ from, to }).notes.find(({ code }) => code === 'session-affinity')?.text;
  expect(note('deploy/shop/api', 'svc/shop/web')).toContain('10800 s');
  expect(note('deploy/shop/api', 'svc/shop/web')).toContain(by);
  expect(note('deploy/shop/api', 'svc/shop/web')).not.toContain('NAT');
  expect(note('external', 'svc/shop/web')).toContain('all clients behind one NAT');
  // Neither other Services nor the pods themselves.
  expect(note('deploy/shop/web', 'svc/shop/api')).toBeUndefined();
  expect(note('deploy/shop/api', 'deploy/shop/web')).toBeUndefined();
  const { intended } = why(session, { from: 'deploy/shop/api', to: 'svc/shop/web' });
  expect(intended?.setting).toContain('spec.sessionAffinity: None');
});
