import { describe, expect, test } from 'vitest';
import { readConntrack } from './read.ts';

const TCP = 'src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1';

const flow = (type: string, state: string) =>
  `<flow type="${type}"><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.1</src><dst>10.0.0.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>1</sport><dport>2</dport></layer4></meta><meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.0.2</src><dst>10.0.0.1</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>2</sport><dport>1</dport></layer4></meta><meta direction="independent"><state>${state}</state><timeout>100</timeout><mark>0</mark><id>7</id><unreplied/></meta></flow> [USERSPACE] portid=22195`;

describe('conntrack -E', () => {
  const states = (text: string) => {
    const { entries, problems } = readConntrack(text);
    expect(problems).toEqual([]);
    return entries.map((entry) => [entry.protocol, entry.tcpState, entry.assured]);
  };

  test.each(['', '[1795287790.870494]\t'])('the last state of each is kept, after "%s"', (at) => {
    const text = [
      `${at}    [NEW] tcp      6 100 SYN_SENT ${TCP} mark=0 [USERSPACE] portid=21999`,
      `${at} [UPDATE] tcp      6 200 ESTABLISHED ${TCP} [ASSURED] mark=0 [USERSPACE] portid=3 progname=conntrack`,
      `${at}    [NEW] udp      17 100 ${TCP} mark=0`,
      `${at}[DESTROY] udp      17 99 ${TCP} [USERSPACE] portid=4`,
      'conntrack v1.4.7 (conntrack-tools): 4 flow events have been shown.',
    ].join('\n');
    expect(states(text)).toEqual([[6, 'ESTABLISHED', true]]);
  });

  test('as XML', () => {
    const text = `<conntrack>\n${flow('new', 'SYN_SENT')}\n${flow('update', 'ESTABLISHED')}\n</conntrack>\n`;
    expect(states(text)).toEqual([[6, 'ESTABLISHED', false]]);
    const ended = `<conntrack>\n${flow('new', 'SYN_SENT')}\n${flow('destroy', 'CLOSE')}\n</conntrack>\n`;
    expect(states(ended)).toEqual([]);
  });
});
