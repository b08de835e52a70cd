/** Tests: operators, sets, what an equality tells of the headers behind it. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftMatch, NftOperator, NftVerdictMap } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { tcpOptions } from '../tables/options.ts';
import { checkOrder, fold } from './constant.ts';
import { type Evaluator, isFamilyless } from './evaluator.ts';
import { keyName } from './protocols.ts';
import { type Binary, ones, shapeOf, type Term } from './term.ts';

/** Hours may pass midnight: the test is turned round (nft does the same). */
function turnHours(op: NftOperator, left: Term, right: Term): NftOperator {
  const name = keyName(left);
  if (right.is !== 'range' || (name !== 'meta hour' && name !== 'meta day') || right.from <= right.to) return op;
  [right.from, right.to] = [right.to, right.from];
  return op === '!=' ? '==' : '!=';
}

/** `x ^ 3 == 1` is `x == 2`; shifts likewise, where nothing is lost. */
function transfer(left: Term, right: Term): { left: Term; right: Term } {
  if (left.is !== 'binary' || left.right.is !== 'value') return { left, right };
  const { operator } = left;
  if (operator !== '^' && operator !== '<<' && operator !== '>>') return { left, right };
  const by = left.right.value;
  const bits = left.bits;
  if (operator === '<<' && numbersOf(right)?.some((value) => value !== 0n && (value & ones(Number(by))) !== 0n))
    throw new NftRefusal('Comparison is always false');
  const inverse = operator === '^' ? '^' : operator === '<<' ? '>>' : '<<';
  const moved = mapNumbers(right, (value) => fold(inverse, value, by, bits));
  if (!moved) return { left, right };
  if (operator !== '>>') return { left: left.left, right: moved };
  const mask: Binary = {
    ...left,
    operator: '&',
    right: { ...left.right, value: ones(bits) ^ ones(Number(by)), bits },
  };
  return { left: mask, right: moved };
}

function numbersOf(term: Term): bigint[] | undefined {
  if (term.is === 'value') return [term.value];
  if (term.is === 'range') return [term.from, term.to];
  if (term.is !== 'set') return undefined;
  const all = term.elements.map((element) => numbersOf(element.key));
  return all.every((numbers) => numbers !== undefined) ? all.flat() : undefined;
}

function mapNumbers(term: Term, by: (value: bigint) => bigint): Term | undefined {
  if (term.is === 'value') return { ...term, value: by(term.value) };
  if (term.is === 'range') return { ...term, from: by(term.from), to: by(term.to) };
  if (term.is !== 'set') return undefined;
  const elements = term.elements.map((element) => ({ ...element, key: mapNumbers(element.key, by) }));
  return elements.every((element) => element.key !== undefined)
    ? { ...term, elements: elements.map((element) => ({ ...element, key: element.key as Term })) }
    : undefined;
}

function checkOperator(op: NftOperator, left: Term, right: Term): void {
  const ordered = op === '<' || op === '>' || op === '<=' || op === '>=';
  if (ordered && (left.is === 'concat' || right.is !== 'value'))
    throw new NftRefusal(
      `Relational expression (${op}) is undefined for ${left.is === 'concat' ? 'concat' : right.is} expressions`,
    );
  if (op === '!') {
    if (left.is === 'binary') throw new NftRefusal('cannot combine negation with binary expression');
    if (right.is !== 'value' || right.type.bitmask !== true || right.type === types.bitmask)
      throw new NftRefusal('negation can only be used with singleton bitmask values');
  }
  if (right.is === 'concat') throw new NftRefusal('Use concatenations with sets and maps, not singleton values');
}

/** `fib … oif exists` asks whether there is a route, not for its link; a TCP option's first byte whether it is there. */
function askWhether(left: Term, { left: node, right }: NftMatch['match']): void {
  if (typeof right !== 'boolean' || left.is !== 'read' || typeof node !== 'object' || Array.isArray(node)) return;
  const option = 'tcp option' in node ? node['tcp option'] : undefined;
  const placed = option && 'base' in option && option.offset === 0 && option.len === 8 ? option : undefined;
  if (!placed && !('fib' in node)) return;
  Object.assign(left, { type: types.boolean, bits: 1 });
  const known = placed && tcpOptions.find(({ number }) => number === placed.base);
  if (placed) left.what = known ? { 'tcp option': { name: known.name } } : node;
}

export function evaluateMatch(at: Evaluator, match: NftMatch['match']): void {
  const left = at.left(match.left);
  askWhether(left, match);
  const shape = shapeOf(left);
  if (shape.some((part) => part.bits === 0 && part.type.codec === 'number' && left.is === 'read'))
    throw new NftRefusal('datatype mismatch: type of the left side is not known');
  let right = at.right(match.right, shape);
  const name = keyName(left);
  if (name === 'meta secmark' || name === 'ct secmark')
    throw new NftRefusal('Cannot be used with right hand side constant value');
  let op = turnHours(match.op, left, right);
  if (right.is === 'set' && right.elements.length === 0) throw new NftRefusal('Set is empty');
  if ((right.is === 'set' || right.is === 'named') && isFamilyless(left))
    throw new NftRefusal('specify either ip or ip6 for address matching');
  if (right.is === 'named') at.checkSet(right.name, shape);
  checkOrder(right);
  checkOperator(op, left, right);
  if (op === 'in' && !(right.is === 'value' && right.type.bitmask === true)) op = '==';
  if (op === '==' || op === 'in') at.known.learn(left, right);
  const moved = transfer(left, right);
  right = moved.right;
  at.push({ is: 'match', op, left: moved.left, right });
}

export function evaluateVerdictMap(at: Evaluator, vmap: NftVerdictMap['vmap']): void {
  at.push({ is: 'vmap', map: at.map(vmap, { shape: 'verdict' }) });
}
