/** Helpers of connections: one record each, where a rule gives it, a listed connection has it, or a namespace gives it by ports. */
import { AUTOMATIC_HELPERS, helperText, scopeOfHelper } from './ct-helpers.ts';
import type { Encoding } from './encoding.ts';
import type { Netns } from './network.ts';
import type { Family } from './packet.ts';
import { sysctl } from './sysctl.ts';

/** Writes what a helper expects at `at`, a record of `HelperStatement`; the choice about it has its text. */
export function encodeHelper(
  { abi, arena, objects }: Encoding,
  at: number,
  { helper, protocol, family }: { helper: string; protocol: number; family?: Family },
): void {
  const { protocols, place } = scopeOfHelper(helper);
  arena.u8[at + abi.HELPER_PROTOCOL] = protocol;
  arena.u8[at + abi.HELPER_FAMILY] = family ?? 0;
  arena.u8[at + abi.HELPER_EXPECTS] = protocols;
  arena.u8[at + abi.HELPER_PLACE] = place;
  objects.statements.set(at, { kind: 'unmodelled', text: helperText(helper) });
}

/** Records outside of any rule, each written once. */
export class Helpers {
  readonly #encoding: Encoding;
  readonly #known = new Map<string, number>();
  #automatic = 0;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  of(helper: string): number {
    const known = this.#known.get(helper);
    if (known !== undefined) return known;
    const { arena, abi } = this.#encoding;
    const at = arena.alloc(abi.HELPER_SIZE);
    encodeHelper(this.#encoding, at, { helper, protocol: 0 });
    this.#known.set(helper, at);
    return at;
  }

  /** `AutomaticHelper[]`, ended by one of port 0; 0 where the namespace gives none. */
  automaticIn({ sysctls }: Netns): number {
    if (sysctl(sysctls, 'net.netfilter.nf_conntrack_helper') !== 1) return 0;
    if (this.#automatic === 0) {
      const { arena } = this.#encoding;
      const records = AUTOMATIC_HELPERS.map(({ helper }) => this.of(helper));
      this.#automatic = arena.alloc((AUTOMATIC_HELPERS.length + 1) * 8);
      for (const [i, { protocol, port }] of AUTOMATIC_HELPERS.entries())
        arena.u32.set([(protocol << 16) | port, records[i] as number], (this.#automatic >>> 2) + i * 2);
    }
    return this.#automatic;
  }
}
