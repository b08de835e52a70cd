/** Steps of load balancers outside of netfilter. */
import type { Abi } from './abi.ts';
import { formatAddress } from './address.ts';
import { getWords } from './arena.ts';
import type { Objects } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { BalancerFrontend, Link, Netns } from './network.ts';
import type { Family } from './packet.ts';
import type { Views } from './views.ts';
import type { Endpoint, Step } from './walk.ts';

/** The frontend whose record is there. */
export function frontendAt({ frontends }: Objects, at: number): BalancerFrontend {
  const found = frontends.get(at);
  if (!found) throw new EngineError('BROKEN', `the engine names a frontend at ${at}`);
  return found;
}

/** `link`: undefined for a socket's program. */
export function readBalance(
  abi: Abi,
  views: Views,
  objects: Objects,
  at: number,
  netns: Netns,
  link: Link | undefined,
): Step {
  const { u8, u16, u32 } = views;
  const short = (offset: number): number => u16[(at + offset) >>> 1] as number;
  const family = u8[at + abi.BALANCE_STEP_FAMILY] as Family;
  const end = (address: number, port: number): Endpoint => ({
    address: formatAddress({ family, words: getWords(u32, at + address) }),
    port: short(port),
  });
  const [anyFrom, anyTo] = [short(abi.BALANCE_STEP_ANY_FROM), short(abi.BALANCE_STEP_ANY_TO)];
  const goesOn = u8[at + abi.BALANCE_STEP_GOES_ON] === 1;
  return {
    kind: 'balance',
    netns,
    ...(link && { link }),
    frontend: frontendAt(objects, u32[(at + abi.BALANCE_STEP_FRONTEND) >>> 2] as number),
    manip: u8[at + abi.BALANCE_STEP_SOURCE] === 1 ? 'src' : 'dst',
    from: end(abi.BALANCE_STEP_FROM, abi.BALANCE_STEP_FROM_PORT),
    ...(goesOn && { to: end(abi.BALANCE_STEP_TO, abi.BALANCE_STEP_TO_PORT) }),
    ...(anyTo !== 0 && { anyPort: { from: anyFrom, to: anyTo } }),
  };
}
