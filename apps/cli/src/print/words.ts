/** Small pieces of text that every printer needs. */
import type { ObjectRef, Outcome, Place, WhyVerdict } from '@podwire/model';
import type { Style, Tone } from './style.ts';

const VERDICT_TONES: Readonly<Record<WhyVerdict, readonly Tone[]>> = {
  delivered: ['green', 'bold'],
  dropped: ['red', 'bold'],
  rejected: ['red', 'bold'],
  unreachable: ['red', 'bold'],
  refused: ['red', 'bold'],
  depends: ['yellow', 'bold'],
  unknown: ['yellow', 'bold'],
  'no-such-name': ['red', 'bold'],
  'wrong-destination': ['red', 'bold'],
  'source-changed': ['yellow', 'bold'],
};

export function verdictText(verdict: WhyVerdict, style: Style): string {
  return style(verdict.toUpperCase().replaceAll('-', ' '), ...VERDICT_TONES[verdict]);
}

export function placeText(place: Place): string {
  return place.kind === 'pod' || place.kind === 'node' ? `${place.kind} ${place.name}` : place.name;
}

const SHORT: Readonly<Record<string, string>> = {
  Service: 'svc',
  Deployment: 'deploy',
  StatefulSet: 'sts',
  DaemonSet: 'ds',
  ReplicaSet: 'rs',
  NetworkPolicy: 'netpol',
  Pod: 'pod',
  Node: 'node',
};

/** `svc shop/api spec.ports[0]`. */
export function objectText({ kind, namespace, name, field, madeFrom }: ObjectRef): string {
  const whole = namespace === undefined ? name : `${namespace}/${name}`;
  const made = madeFrom === undefined ? '' : ` (made from ${madeFrom})`;
  return `${SHORT[kind] ?? kind.toLowerCase()} ${whole}${field === undefined ? '' : ` ${field}`}${made}`;
}

/** `api.yaml:12`; empty where the object stands in no file. */
export function fileText({ file, line }: ObjectRef): string {
  return file === undefined ? '' : line === undefined ? file : `${file}:${line}`;
}

/** `1/3` where it is short, else a percentage with two digits: kube-proxy's odds have nine. */
export function oddsText(odds: Outcome['odds']): string {
  if (!odds) return '?';
  const { numerator, denominator } = odds;
  if (denominator === '1') return numerator === '1' ? 'always' : numerator;
  if (denominator.length <= 3) return `${numerator}/${denominator}`;
  // Rounded half up in whole numbers: floating point would print differently near the edges.
  const hundredths = (BigInt(numerator) * 20000n + BigInt(denominator)) / (2n * BigInt(denominator));
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')} %`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
