/** `ebtables -L`, `arptables -L`: listings of rules in the words that the save programs print, under a title for each chain. */

/** The listing as `ebtables-save` has it, and the line of the listing that each of its lines stands on. */
export interface SavedListing {
  text: string;
  lines: number[];
}

const BRIDGE_TABLE = /^Bridge table: (\S+)$/;
const BRIDGE_CHAIN = /^Bridge chain: (\S+), entries: \d+, policy: (\S+)$/;
const ARP_CHAIN = /^Chain (\S+) \((?:policy (\S+)|\d+ references?)[^)]*\)$/;
/** `--Ln` numbers them, `--Lc` and `-v` count behind them. */
const DECORATED = /^(?:\d+\. )?(.*?)(?: ?,? ?pcnt ?= ?(\d+) -- bcnt ?= ?(\d+))?$/;

interface Line {
  text: string;
  line: number;
}

interface OpenTable {
  head: Line;
  chains: Line[];
  rules: Line[];
}

/** Chains stand before rules, which may jump to any of them. */
export function listingAsSave(listing: string): SavedListing {
  const tables: OpenTable[] = [];
  let chain: string | undefined;
  const table = (name: string, line: number): OpenTable => {
    const made: OpenTable = { head: { text: `*${name}`, line }, chains: [], rules: [] };
    tables.push(made);
    return made;
  };
  for (const [i, raw] of listing.split(/\r\n|\n|\r/).entries()) {
    const line = i + 1;
    const text = raw.trim();
    if (text === '' || text.startsWith('#')) continue;
    const named = BRIDGE_TABLE.exec(text)?.[1];
    if (named !== undefined) {
      table(named, line);
      continue;
    }
    const open = tables.at(-1) ?? table('filter', line);
    const title = BRIDGE_CHAIN.exec(text) ?? ARP_CHAIN.exec(text);
    if (title) {
      chain = title[1];
      open.chains.push({ text: `:${chain} ${title[2] ?? '-'}`, line });
      continue;
    }
    const [, rule = text, packets, bytes] = DECORATED.exec(text) ?? [];
    const counters = packets === undefined ? '' : `[${packets}:${bytes}] `;
    open.rules.push({ text: chain === undefined ? text : `${counters}-A ${chain} ${rule}`.trimEnd(), line });
  }
  const all = tables.flatMap(({ head, chains, rules }) => [head, ...chains, ...rules]);
  return { text: all.map(({ text }) => `${text}\n`).join(''), lines: all.map(({ line }) => line) };
}
