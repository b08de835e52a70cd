import { describe, expect, it } from 'vitest';
import {
  type NftFamily,
  NftRefusal,
  type NftStatement,
  nftCommandsJson,
  parseNftRuleset,
  printNftRuleset,
  printRuleBody,
  Ruleset,
  readRule,
  readScript,
  statementJson,
} from './index.ts';
import type { Datatype } from './tables/datatypes.ts';
import { findHeader } from './tables/headers.ts';
import { ctKeys, metaKeys } from './tables/keys.ts';

const RULES = 4_000;

/** mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Writer {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = generator(seed);
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  private value(type: Datatype, bits: number): string {
    switch (type.codec) {
      case 'ipv4':
        return this.pick(['10.0.0.1', '192.168.1.7', '1.2.3.4', '255.255.255.255']);
      case 'ipv6':
        return this.pick(['::1', '2001:db8::1', 'fe80::1', '::ffff:1.2.3.4', '2001:db8:1:2:3:4:5:6']);
      case 'ether':
        return this.pick(['00:11:22:33:44:55', 'aa:bb:cc:dd:ee:f']);
      case 'protocol':
        return this.pick(['tcp', 'udp', '132', 'icmp']);
      case 'service':
        return this.pick(['22', 'https', '8080', '65535']);
      case 'string':
        return this.pick(['"eth0"', '"lo"', '"veth*"']);
      case 'interface':
        return '"lo"';
      case 'time':
        return this.pick(['30s', '1h30m', '90']);
      case 'date':
        return '"2024-05-06 07:08:09"';
      case 'hour':
        return this.pick(['"12:00"', '"23:59:59"']);
      case 'tchandle':
        return this.pick(['1:20', 'root']);
      case 'boolean':
        return this.pick(['exists', 'missing']);
      default:
        if (type.symbols && this.below(3) > 0) return this.pick(type.symbols)[0];
        return String(this.below(Math.min(2 ** Math.min(bits || 16, 16), type.codec === 'label' ? 128 : 65536)));
    }
  }

  /** Headers of one rule: those of one packet, else no listing of it reads back. */
  private headers: readonly string[] = [];

  private chooseHeaders(family: NftFamily): void {
    const network = family === 'ip' || family === 'ip6' ? family : this.pick(['ip', 'ip6'] as const);
    const transport = this.pick(['tcp', 'udp', 'sctp', 'esp', 'th', network === 'ip' ? 'icmp' : 'icmpv6']);
    this.headers = [network, transport];
  }

  private left(): { text: string; type: Datatype; bits: number } {
    const kind = this.below(10);
    if (kind < 6) {
      const header = findHeader(this.pick(this.headers));
      const field = header && this.pick(header.fields.filter((entry) => entry.icmp === undefined));
      if (header && field) return { text: `${header.name} ${field.name}`, type: field.type, bits: field.bits };
    }
    if (kind < 8) {
      const key = this.pick(
        Object.keys(metaKeys).filter((name) => !['secmark', 'protocol', 'nfproto', 'l4proto'].includes(name)),
      );
      return { text: `meta ${key}`, type: metaKeys[key]?.type as Datatype, bits: metaKeys[key]?.bits ?? 0 };
    }
    const key = this.pick(Object.keys(ctKeys).filter((name) => ctKeys[name]?.direction === 'none' && name !== 'event'));
    return { text: `ct ${key}`, type: ctKeys[key]?.type as Datatype, bits: ctKeys[key]?.bits ?? 0 };
  }

  private right(type: Datatype, bits: number): string {
    const one = (): string => this.value(type, bits);
    switch (this.below(6)) {
      case 0:
        return `{ ${one()}, ${one()}, ${one()} }`;
      case 1:
        return type.bitmask === true ? `${one()},${one()}` : `${one()}-${one()}`;
      case 2:
        return type.prefix === true ? `${one()}/${this.below(bits + 1)}` : `!= ${one()}`;
      case 3:
        return `!= { ${one()}, ${one()} }`;
      default:
        return one();
    }
  }

  private test(): string {
    const { text, type, bits } = this.left();
    if (this.below(8) === 0) {
      const other = this.left();
      return `${text} . ${other.text} { ${this.value(type, bits)} . ${this.value(other.type, other.bits)}, ${this.value(type, bits)} . ${this.value(other.type, other.bits)} }`;
    }
    if (this.below(8) === 0)
      return `${text} vmap { ${this.value(type, bits)} : accept, ${this.value(type, bits)} : drop }`;
    return `${text} ${this.right(type, bits)}`;
  }

  rule(family: NftFamily): string {
    this.chooseHeaders(family);
    const parts = Array.from({ length: 1 + this.below(3) }, () => this.test());
    const end = [
      'accept',
      'drop',
      'counter packets 3 bytes 4 accept',
      'log prefix "x: " group 2',
      'limit rate over 5/minute burst 9 packets drop',
      'quota over 3 mbytes drop',
      'meta mark set meta mark and 0xff or 0x100',
      'ct mark set meta mark map { 22 : 1, 80-90 : 2 }',
      'meta mark set numgen random mod 8',
      'reject',
      'jump other',
      '',
    ];
    return `${parts.join(' ')} ${this.pick(end)}`;
  }
}

const BASE = (['ip', 'ip6', 'inet', 'bridge', 'netdev'] as const)
  .map((family) => `add table ${family} t\nadd chain ${family} t c\nadd chain ${family} t other`)
  .join('\n');

/** Rules that are taken, each with its family. */
function takenRules(seed: number): { family: NftFamily; expr: NftStatement[] }[] {
  const writer = new Writer(seed);
  const ruleset = new Ruleset();
  for (const command of readScript(BASE).commands) ruleset.apply(command);
  const taken: { family: NftFamily; expr: NftStatement[] }[] = [];
  for (let i = 0; i < RULES; i++) {
    const family = writer.pick(['ip', 'ip6', 'inet', 'bridge', 'netdev'] as const);
    try {
      const { expr } = readRule(writer.rule(family));
      taken.push({ family, expr: ruleset.rule({ family, table: 't', chain: 'c', expr }).expr });
    } catch (error) {
      if (!(error instanceof NftRefusal)) throw error;
    }
  }
  return taken;
}

describe('random rules', () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  const taken = takenRules(seed);

  it('are taken often enough to tell', () => {
    expect(taken.length).toBeGreaterThan(RULES / 10);
  });

  it('read back from their text and from their JSON as they were listed', () => {
    const ruleset = new Ruleset({ present: true });
    for (const command of readScript(BASE).commands) ruleset.apply(command);
    for (const { family, expr } of taken) {
      const text = printRuleBody({ expr }, { family });
      const list = (given: NftStatement[]): string =>
        printRuleBody({ expr: ruleset.rule({ family, table: 't', chain: 'c', expr: given }).expr }, { family });
      expect(list(readRule(text).expr), text).toBe(text);
      const json: NftStatement[] = JSON.parse(JSON.stringify(expr.map((statement) => statementJson(statement))));
      expect(list(json), text).toBe(text);
    }
  });

  // Machines that do much else at once are slow.
  it('print as a ruleset that reads back the same, text and JSON', () => {
    const script = taken
      .map(({ family, expr }) => `add rule ${family} t c ${printRuleBody({ expr }, { family })}`)
      .join('\n');
    const first = parseNftRuleset(`${BASE}\n${script}\n`);
    const lines = script.split('\n');
    expect(first.problems.map(({ message, line = 0 }) => `${message}: ${lines[line - 16]}`)).toEqual([]);
    const printed = printNftRuleset(first.objects);
    expect(printNftRuleset(parseNftRuleset(printed).objects)).toBe(printed);
    expect(printNftRuleset(parseNftRuleset(JSON.stringify(nftCommandsJson(first.objects))).objects)).toBe(printed);
  });
});
