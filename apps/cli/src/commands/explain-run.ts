import { type ReasonRow, reasonCatalogue, reasonRow, suggest } from '@podwire/model';
import { layOut } from '../print/layout.ts';
import { type Style, styleOf, wantsColor } from '../print/style.ts';
import { verdictText } from '../print/words.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import { columnsOf, type Streams } from '../shell/streams.ts';

function rowText(row: ReasonRow, style: Style, columns: number | undefined): string[] {
  return [
    `${style(row.code, 'bold')}  ${verdictText(row.verdict, style)}`,
    ...layOut(
      [
        { head: [style('meaning', 'dim')], body: row.meaning },
        { head: [style('usual cause', 'dim')], body: row.cause },
        { head: [style('usual fix', 'dim')], body: row.fix },
      ],
      { columns, indent: 2 },
    ),
  ];
}

export async function runExplain(
  code: string | undefined,
  output: 'text' | 'json' | 'yaml',
  streams: Streams,
): Promise<number> {
  const row = code === undefined ? undefined : reasonRow(code);
  if (code !== undefined && !row) {
    const near = suggest(code, reasonCatalogue(), (r) => r.code).map((r) => r.code);
    throw new UserError(`there is no reason "${code}"`, {
      mend: near.length > 0 ? 'Did you mean one of these?' : 'List them all with explain alone.',
      candidates: near,
    });
  }
  const rows = row ? [row] : reasonCatalogue();
  if (output === 'json') streams.out.write(`${JSON.stringify(row ?? rows, undefined, 2)}\n`);
  else if (output === 'yaml') streams.out.write((await import('js-yaml')).dump(row ?? rows, { lineWidth: -1 }));
  else {
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    const columns = columnsOf(streams.out);
    const lines = row
      ? rowText(row, style, columns)
      : layOut(
          rows.map((r) => ({ head: [r.code, r.verdict], body: r.meaning })),
          { columns },
        );
    streams.out.write(`${lines.join('\n')}\n`);
  }
  return EXIT.YES;
}
