/** Chains by name: those of a namespace's own table before those of the tables below. */
import { none, some } from '../core/skb';
import { Chain, Table } from '../layout/chain';

export function findChain(table: Table, name: u32): Chain {
  let at = table;
  while (some(at)) {
    let i = (name * 0x9e3779b1) & at.namesMask;
    if (at.names != 0) {
      while (true) {
        const entry = at.names + (<usize>i << 3);
        const symbol = load<u32>(entry);
        if (symbol == name) return changetype<Chain>(<usize>load<u32>(entry, 4));
        if (symbol == 0) break;
        i = (i + 1) & at.namesMask;
      }
    }
    at = at.base;
  }
  return none<Chain>();
}
