/** Every example in `examples/faults`: why finds the fault, and after the mend there is none. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createReference } from '@podwire/engine/reference';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { openSession, type Session } from '../answer/session.ts';
import { openNode, splitDumps } from '../linux/node/index.ts';
import type { SourceFile } from '../read/source.ts';
import { why } from './why.ts';

const ROOT = fileURLToPath(new URL('../../../../examples/faults', import.meta.url));

interface FaultCase {
  story: string;
  from: string;
  to: string;
  size?: number;
  port?: number;
  verdict: string;
  link: string;
  blame: { object: string; field: string } | { setting: string };
}

function filesIn(folder: string, prefix = ''): SourceFile[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesIn(path, `${prefix}${name}/`);
    return [{ name: `${prefix}${name}`, bytes: readFileSync(path) }];
  });
}

const base: SourceFile = { name: 'base.yaml', bytes: readFileSync(join(ROOT, 'base.yaml')) };
const machine = createReference();

async function open(folder: string): Promise<Session> {
  const split = splitDumps(filesIn(folder));
  return openSession({
    files: [base, ...split.files],
    dumps: await Promise.all([...split.nodes].map(([name, files]) => openNode(name, files))),
    podDumps: await Promise.all(
      [...split.pods].map(async ([pod, files]) => ({ pod, dump: await openNode(pod, files) })),
    ),
    machine,
  });
}

const slugs = readdirSync(ROOT).filter((name) => existsSync(join(ROOT, name, 'fault.yaml')));

describe.each(slugs)('%s', (slug) => {
  const folder = join(ROOT, slug);
  const { from, to, size, port, verdict, link, blame } = load(
    readFileSync(join(folder, 'fault.yaml'), 'utf8'),
  ) as FaultCase;
  const question = { from, to, ...(size !== undefined && { size }), ...(port !== undefined && { port }) };

  test('is found', async () => {
    const answer = why(await open(join(folder, 'broken')), question);
    expect({ verdict: answer.verdict, link: answer.fault?.link }).toEqual({ verdict, link });
    if ('setting' in blame)
      expect(JSON.stringify([answer.fault?.setting, answer.fault?.text])).toContain(blame.setting);
    else {
      const { kind, namespace, name, field } = answer.fault?.object ?? {};
      expect(`${kind} ${namespace === undefined ? name : `${namespace}/${name}`} ${field}`).toBe(
        `${blame.object} ${blame.field}`,
      );
    }
  });

  // Ranges that overlap are mended by a new cluster.
  if (!existsSync(join(folder, 'mended'))) return;
  test('is gone after the mend', async () => {
    const answer = why(await open(join(folder, 'mended')), question);
    expect({ verdict: answer.verdict, fault: answer.fault, also: answer.also }).toEqual({
      verdict: 'delivered',
      fault: undefined,
      also: [],
    });
  });
});
