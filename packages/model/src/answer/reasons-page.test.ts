/** `docs/reasons.md` is the catalogue as a page: `vitest -u` writes it anew. */
import { Reason } from '@podwire/engine';
import { expect, test } from 'vitest';
import { codeOf, type ReasonRow, reasonCatalogue } from './reasons.ts';

const machine = new Set(
  Object.values(Reason)
    .filter((reason): reason is Reason => typeof reason === 'number')
    .map(codeOf),
);

const table = (rows: readonly ReasonRow[]): string =>
  [
    '| Code | Verdict | Meaning | Usual cause | Usual fix |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ code, verdict, meaning, cause, fix }) => `| \`${code}\` | ${verdict} | ${meaning} | ${cause} | ${fix} |`,
    ),
  ].join('\n');

function page(): string {
  const rows = reasonCatalogue();
  return `# Reasons

Every answer carries one reason code. \`podwire explain CODE\` prints its row. The verdict is the usual one: what ends \`dropped\` for one packet
can be \`unreachable\` for another, where the kernel makes that difference.

## From the machine

What a namespace's network stack decided (\`Reason\` in \`@podwire/engine\`).

${table(rows.filter(({ code }) => machine.has(code)))}

## From the cluster

What only the objects of the cluster can tell.

${table(rows.filter(({ code }) => !machine.has(code)))}
`;
}

test('docs/reasons.md holds the whole catalogue', async () => {
  await expect(page()).toMatchFileSnapshot('../../../../docs/reasons.md');
});
