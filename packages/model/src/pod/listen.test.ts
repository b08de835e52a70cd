import { expect, test } from 'vitest';
import { listenFlags } from './listen.ts';

test.each<[string, number[], string[]]>([
  ['--listen=127.0.0.1:8080', [], ['127.0.0.1:8080']],
  ['server --host 127.0.0.1 --port 8000', [], ['127.0.0.1:8000']],
  ['gunicorn -b localhost:8000 app', [], ['127.0.0.1:8000']],
  ['--web.listen-address=:9090', [], ['*:9090']],
  ['--bind-address=0.0.0.0', [443], ['*:443']],
  ['--listen=http://[::1]:81/x', [], ['::1:81']],
  ['--bind-address=127.0.0.1', [80, 81], ['127.0.0.1:?']],
  // Somebody else's address.
  ['--redis-host=127.0.0.1', [80], []],
  ['--upstream-addr=127.0.0.1:80', [], []],
  ['--advertise-address=10.0.0.1', [80], []],
  ['--listen=api:80', [], []],
  ['--listen', [80], []],
])('%s', (line, ports, expected) => {
  const found = listenFlags({
    name: 'c',
    command: line.split(' '),
    ports: ports.map((containerPort) => ({ containerPort })),
  });
  expect(found.map(({ address, port }) => `${address}:${port ?? '?'}`)).toEqual(expected);
});
