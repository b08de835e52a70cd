/** A ruleset of nftables while scripts change it: what a program that calls `nft -f` or speaks netlink leaves behind. */
import { Ruleset } from './evaluate/ruleset.ts';
import { ObjectStore } from './objects.ts';
import { readScript } from './read/script.ts';
import type { NftFamily, NftObject, NftRule } from './syntax.ts';

export class LiveNft {
  readonly #ruleset = new Ruleset({ present: true });
  readonly #store = new ObjectStore({
    rule: (rule) => this.#ruleset.tryRule(rule),
    elements: (set, elements) => this.#ruleset.tryElements(set, elements),
  });

  /** Throws `NftRefusal` at the first command that is refused; those before it stand. */
  run(script: string): void {
    for (const command of readScript(script).commands) {
      this.#ruleset.apply(command);
      this.#store.apply(command);
    }
  }

  /** Those rules of a chain that fit go, as a program deletes them by their handles. */
  dropRules(family: NftFamily, table: string, chain: string, fits: (rule: NftRule) => boolean): void {
    this.#store.dropRules(family, table, chain, fits);
  }

  rules(family: NftFamily, table: string, chain: string): readonly NftRule[] {
    return this.#store.rulesOf(family, table, chain);
  }

  hasTable(family: NftFamily, table: string): boolean {
    return this.#store.has(`table ${family}  ${table}`);
  }

  hasChain(family: NftFamily, table: string, chain: string): boolean {
    return this.#store.has(`chain ${family} ${table} ${chain}`);
  }

  objects(): NftObject[] {
    return this.#store.objects();
  }
}
