/** Objects of nftables as nft lists them. */
import { NftRefusal, Ruleset } from '../nft/index.ts';
import type { NftObject, NftRule } from '../nft/syntax.ts';
import { NotTranslated } from './part.ts';

/** Takes objects in the order in which nft would be given them. */
export class Listing {
  readonly objects: NftObject[] = [];
  readonly #ruleset = new Ruleset({ numericProtocol: true });

  /** Throws `NftRefusal` where nft refuses the object. */
  add(...objects: readonly NftObject[]): void {
    for (const object of objects) {
      this.#ruleset.apply({ add: object });
      this.objects.push(object);
    }
  }

  /** Throws `NotTranslated` where nft refuses the rule. */
  addRule(rule: NftRule): NftRule {
    try {
      const listed = this.#ruleset.rule(rule);
      this.objects.push({ rule: listed });
      return listed;
    } catch (error) {
      if (error instanceof NftRefusal) throw new NotTranslated('the rule', `nft refuses it: ${error.message}`);
      throw error;
    }
  }
}
