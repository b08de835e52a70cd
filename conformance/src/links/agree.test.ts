/** The engine walks the scenes that it knows as the reference does. */
import { createEngine, EngineError, type Packet, Protocol, plainPacket } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { type Scene, scenes } from './scenes.ts';

function packets(daddr: string): Packet[] {
  const common = { saddr: '', daddr, sport: 40000, dport: 80, tos: 3, mark: 5 };
  return [
    plainPacket({ ...common, protocol: Protocol.TCP }),
    ...[100, 1430, 1480, 3000].flatMap((length) =>
      [true, false].map((dontFragment) => plainPacket({ ...common, protocol: Protocol.UDP, length, dontFragment })),
    ),
  ];
}

test.each(scenes)('$name', async ({ network, asks }: Scene) => {
  const [one, two] = [await createEngine(), createReference()];
  two.load(network);
  try {
    one.load(network);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    expect(error.message).toMatch(/the engine does not know links of kind/);
    return;
  }
  for (const { from, to } of asks)
    for (const packet of packets(to)) {
      expect(one.send(from, packet), `${from} to ${to}, ${packet.length}`).toEqual(two.send(from, packet));
      expect(one.answer(), `the answer of ${to} to ${from}`).toEqual(two.answer());
    }
});
