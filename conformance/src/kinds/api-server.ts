/** What the kinds about API servers share: the server of a recording, and the comparison of its answers. */
import { parsePrefix } from '@podwire/engine';
import { apiserver } from '@podwire/model';

export type Json = Record<string, unknown>;

/** The answer of a server as a recording has it. */
export interface Expected {
  accepted: boolean;
  code?: number;
  /** Null or absent: an error without a status. */
  reason?: string | null;
  message?: string;
  causes?: unknown[];
}

/** `ranges`: `--service-cluster-ip-range`. */
export function serverOf(ranges: string, nodePorts: string, namespaces: readonly string[]): apiserver.ApiServer {
  const [from = 0, to = 0] = nodePorts.split('-').map(Number);
  const clusterIPs = ranges.split(',').flatMap((range) => parsePrefix(range) ?? []);
  const server = new apiserver.ApiServer({ clusterIPs, nodePorts: { from, to } });
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease', ...namespaces])
    server.declare('Namespace', '', name);
  server.holdApiService();
  return server;
}

/** Addresses, identifiers and drawn endings of names, where the server chose them. */
function withoutRandom(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replace(/\b\d+\.\d+\.\d+\.\d+\b|\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}\b/g, 'ADDRESS')
    .replace(/-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-SUFFIX');
}

/** What is compared of an answer. `isRandom`: its message holds something that the server has drawn. */
export function comparable(answer: Expected, isRandom = false): unknown {
  const { accepted, code, reason, message, causes } = answer;
  const text = JSON.stringify({ accepted, code, reason: reason ?? undefined, message, causes });
  return JSON.parse(isRandom ? withoutRandom(text) : text);
}

/** Why a request cannot be judged; undefined where it can. */
export function notJudged(apiVersion: string, kind: string): string | undefined {
  if (apiserver.isJudged(apiVersion, kind) || apiserver.isServed(apiVersion, kind) === false) return undefined;
  return `objects of ${apiVersion} ${kind} are not judged yet`;
}
