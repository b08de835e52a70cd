/** What `wg` prints, and back; and that no secret key comes along. */
import type { Link, WireguardPeer } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { Chance } from '../random.fixture.ts';
import { printWireguard, printWireguardConf, printWireguardDump, readWireguard } from './index.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251121);
const title = (what: string) => `${what} (PODWIRE_SEED=${SEED})`;
const chance = new Chance(SEED);

const SIGNS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const key = () => `${Array.from({ length: 43 }, () => SIGNS[chance.below(64)]).join('')}=`;

const prefix = () =>
  chance.of(['10.0.0.0/8', '192.0.2.7/32', '0.0.0.0/0', '2001:db8::/32', '::/0', `10.1.${chance.below(200)}.0/24`]);

function randomPeer(): WireguardPeer {
  const address = chance.of(['192.0.2.1', '2001:db8::1']);
  return {
    publicKey: key(),
    ...(chance.below(3) > 0 && { endpoint: { address, port: 1 + chance.below(65535) } }),
    allowedIps: Array.from({ length: chance.below(4) }, prefix),
  };
}

function randomLink(name: string): Link {
  return {
    name,
    kind: 'wireguard',
    tunnel: {
      ...(chance.below(4) > 0 && { publicKey: key() }),
      ...(chance.below(4) > 0 && { port: 51820 }),
      ...(chance.below(3) === 0 && { fwmark: 0xca6c }),
      peers: Array.from({ length: chance.below(4) }, randomPeer),
    },
  };
}

const expected = (links: readonly Link[]) => links.map(({ name, tunnel }) => ({ name, tunnel }));

describe('what is printed is read back', () => {
  test(title('wg show, wg show all dump'), () => {
    for (let i = 0; i < 60; i++) {
      const links = Array.from({ length: 1 + chance.below(3) }, (_, n) => randomLink(`wg${n}`));
      for (const text of [printWireguard(links), printWireguardDump(links)]) {
        expect(readWireguard(text)).toEqual({ links: expected(links), problems: [] });
      }
    }
  });

  test(title('wg showconf, which does not say the own public key'), () => {
    for (let i = 0; i < 60; i++) {
      const link = randomLink('wg0');
      const { publicKey: _, ...tunnel } = link.tunnel ?? {};
      const { links, problems } = readWireguard(printWireguardConf(link), { link: 'wg0' });
      expect(problems).toEqual([]);
      expect(links).toEqual([{ name: 'wg0', tunnel }]);
    }
  });
});

const [PRIVATE, SHARED, PUBLIC, PEER] = [key(), key(), key(), key()] as [string, string, string, string];

const texts: Record<string, string> = {
  'wg show':
    `interface: wg0\n  public key: ${PUBLIC}\n  private key: ${PRIVATE}\n  listening port: 51820\n  fwmark: 0x10\n\n` +
    `peer: ${PEER}\n  preshared key: ${SHARED}\n  endpoint: 192.0.2.2:51820\n  allowed ips: 10.0.0.0/8, fd00::/8\n` +
    '  latest handshake: 1 minute, 2 seconds ago\n  transfer: 1.5 KiB received, 2 KiB sent\n  persistent keepalive: every 25 seconds\n',
  'wg show all dump': `wg0\t${PRIVATE}\t${PUBLIC}\t51820\t0x10\nwg0\t${PEER}\t${SHARED}\t192.0.2.2:51820\t10.0.0.0/8,fd00::/8\t17\t1\t2\t25\n`,
  'wg show wg0 dump': `${PRIVATE}\t${PUBLIC}\t51820\t0x10\n${PEER}\t${SHARED}\t192.0.2.2:51820\t10.0.0.0/8,fd00::/8\t17\t1\t2\toff\n`,
  'wg-quick':
    `# mine\n[Interface]\nAddress = 10.0.0.1/24\nListenPort = 51820\nPrivateKey = ${PRIVATE}\nFwMark = 16\nPostUp = iptables -A FORWARD -i %i -j ACCEPT\n` +
    `[Peer]\nPublicKey = ${PEER}\nPresharedKey=${SHARED}\nAllowedIPs = 10.0.0.0/8\nAllowedIPs = fd00::/8\nEndpoint = 192.0.2.2:51820\nPersistentKeepalive = 25\n`,
};

test.each(Object.entries(texts))('%s: peers, and no secret', (name, text) => {
  const read = readWireguard(text, { link: 'wg0' });
  const own = name === 'wg-quick' ? {} : { publicKey: PUBLIC };
  const peer = {
    publicKey: PEER,
    endpoint: { address: '192.0.2.2', port: 51820 },
    allowedIps: ['10.0.0.0/8', 'fd00::/8'],
  };
  expect(read).toEqual({
    links: [{ name: 'wg0', tunnel: { ...own, port: 51820, fwmark: 16, peers: [peer] } }],
    problems: [],
  });
});

test(title('no secret comes out of texts that are damaged'), () => {
  for (let i = 0; i < 2000; i++) {
    let text = chance.of(Object.values(texts));
    for (let n = 0; n < 1 + chance.below(4); n++) {
      const at = chance.below(text.length);
      const cut = chance.below(30);
      const added = chance.of(['', '\n', '\t', ' ', ': ', '= ', '(none)']);
      text = text.slice(0, at) + added + text.slice(at + cut);
    }
    const said = JSON.stringify(readWireguard(text, { link: 'wg0' }));
    // A piece that a cut leaves in the place of a public key is one for the reader; what stays where secrets stand is not.
    const kept = [PRIVATE, SHARED].filter((secret) => said.includes(secret.slice(4, 40)));
    const moved = new RegExp(
      `(public ?key\\s*[:=]|peer:|^\\[?wg0\t|^)\\s*(${[PRIVATE, SHARED].map((s) => s.replace(/[+/]/g, '\\$&')).join('|')})`,
      'im',
    );
    if (!moved.test(text)) expect([text, kept]).toEqual([text, []]);
  }
});
