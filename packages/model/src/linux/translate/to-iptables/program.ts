/** A rule of nftables taken apart: tests that commute, what counts, and what is done. */
import type { NftElement, NftExpression, NftRule, NftStatement } from '../../nft/syntax.ts';
import { types } from '../../nft/tables/datatypes.ts';
import { actionOf, type Done, type Target } from './actions.ts';
import { type Alternative, type Context, EMPTY, type Head, lacks, product, withAlternative } from './head.ts';
import { type Asked, isNode, keyName, keyTests, limitTest, matchTest } from './tests.ts';
import { elementsOf, numberOf } from './values.ts';

/** Targets, one after the other, for the packets of these heads. */
export interface Tail {
  heads: Head[];
  targets: Target[];
}

export interface Program {
  /** One of these holds. */
  heads: Head[];
  /** None of these does. */
  none: Alternative[];
  /** Asked once, in this order, behind the others. */
  counting: Alternative[][];
  /** What is done; of several that a key chooses one, at most one's heads hold. */
  tails: Tail[];
}

/** `icmp type 3 icmp code 1` is one option. */
function joinedCodes(expr: readonly NftStatement[]): { expr: NftStatement[]; codes: Map<NftStatement, number> } {
  const codes = new Map<NftStatement, number>();
  const out: NftStatement[] = [];
  for (const statement of expr) {
    const before = out.at(-1);
    const name = 'match' in statement ? keyName(statement.match.left) : '';
    if ('match' in statement && /^icmp(v6)? code$/.test(name) && statement.match.op === '==') {
      const isType = before && 'match' in before && keyName(before.match.left) === name.replace('code', 'type');
      if (!isType || before.match.op !== '==' || isNode(before.match.right))
        lacks(name, 'iptables asks for a code together with its type');
      else codes.set(before, numberOf(statement.match.right, name === 'icmp code' ? types.icmpCode : types.icmpv6Code));
    } else out.push(statement);
  }
  return { expr: out, codes };
}

function withCode(asked: Asked, code: number | undefined): Asked {
  if (code === undefined) return asked;
  const any = asked.any?.map((pieces) =>
    pieces.map((piece) => ({ ...piece, words: [...piece.words.slice(0, -1), `${piece.words.at(-1)}/${code}`] })),
  );
  return { ...asked, ...(any && { any }) };
}

/** A key with a value or verdict for each of its elements. */
interface Choice {
  key: NftExpression;
  elements: readonly NftElement[];
  statement: (data: NftExpression) => NftStatement;
}

/** A verdict map, or a translation to what a map says. */
function choiceOf(statement: NftStatement, context: Context): Choice | undefined {
  if ('vmap' in statement) {
    const { key, data } = statement.vmap;
    const elements = elementsOf(data, context);
    return elements && { key, elements, statement: (verdict) => verdict as NftStatement };
  }
  for (const name of ['dnat', 'snat'] as const) {
    const nat = name in statement ? (statement as { dnat?: unknown; snat?: unknown })[name] : undefined;
    if (typeof nat !== 'object' || nat === null) continue;
    const {
      addr,
      port,
      type_flags: _flags,
      ...rest
    } = nat as { addr?: NftExpression; port?: NftExpression; type_flags?: unknown };
    const read = isNode(addr) && 'map' in addr ? addr.map : undefined;
    if (!read || port !== undefined) continue;
    const elements = elementsOf(read.data, context);
    return (
      elements && {
        key: read.key,
        elements,
        statement: (data) => {
          const parts = isNode(data) && 'concat' in data ? data.concat : [data];
          const to = { ...rest, addr: parts[0], ...(parts[1] !== undefined && { port: parts[1] }) };
          return { [name]: to } as unknown as NftStatement;
        },
      }
    );
  }
  return undefined;
}

const isTarget = (done: Done): done is Target => typeof done === 'object';

function tailsOf(choice: Choice, context: Context): Tail[] {
  return choice.elements.flatMap((element): Tail[] => {
    const [key, data] = Array.isArray(element) ? element : lacks('an element without data');
    if (key === undefined || data === undefined) return lacks('an element without data');
    const done = actionOf(choice.statement(data), context);
    if (done === undefined) return lacks(JSON.stringify(data));
    const heads = keyTests(choice.key, key, context).flatMap((one) => withAlternative(EMPTY, one) ?? []);
    return isTarget(done) ? [{ heads, targets: [done] }] : [];
  });
}

/** Undefined: no packet of this family is meant. */
export function programOf(rule: NftRule, context: Context): Program | undefined {
  const program: Program = { heads: [EMPTY], none: [], counting: [], tails: [] };
  const targets: Target[] = [];
  let chosen: Tail[] | undefined;
  const { expr, codes } = joinedCodes(rule.expr);
  for (const statement of expr) {
    const choice = choiceOf(statement, context);
    if (choice) {
      chosen = tailsOf(choice, context);
      continue;
    }
    const asked =
      'match' in statement ? withCode(matchTest(statement, context), codes.get(statement)) : limitTest(statement);
    if (asked) {
      if (targets.length > 0 || chosen)
        return lacks('a test behind an action', 'a rule of iptables ends with its target');
      if (asked.counts) program.counting.push(asked.any ?? []);
      // What was counted before is counted for fewer packets.
      else if (program.counting.length > 0) program.counting.push(asked.any ?? lacks('a test behind a limit'));
      else {
        program.none.push(...(asked.none ?? []));
        program.heads = product(program.heads, asked.any ?? [[]]);
      }
      continue;
    }
    const done = actionOf(statement, context);
    if (done === undefined) return lacks(Object.keys(statement)[0] ?? 'statement');
    if (done === 'other family') return undefined;
    if (isTarget(done)) targets.push(done);
  }
  program.tails = chosen
    ? [...(targets.length > 0 ? [{ heads: [EMPTY], targets }] : []), ...chosen]
    : [{ heads: [EMPTY], targets }];
  return program.heads.length === 0 ? undefined : program;
}
