import { translateRules } from '@podwire/model';
import { collect } from '../input/collect.ts';
import { writeAnswer } from '../print/answer.ts';
import { problemText } from '../print/problems.ts';
import { styleOf, wantsColor } from '../print/style.ts';
import { translationNotes, translationText } from '../print/translation-text.ts';
import { EXIT, UserError } from '../shell/exit.ts';
import type { Streams } from '../shell/streams.ts';
import type { TranslateFlags } from './translate.ts';

const decoder = new TextDecoder();

export async function runTranslate(
  paths: readonly string[],
  { to, family, check, quiet, output }: TranslateFlags,
  streams: Streams,
): Promise<number> {
  const given = paths.length === 0 ? ['-'] : paths;
  const { files } = await collect(
    given,
    () => streams.input,
    () => true,
  );
  const texts = files.map(({ name, bytes }) => ({ name, text: decoder.decode(bytes) }));
  const options = { ...(to && { to }), ...(check !== undefined && { check }) };
  const answer = translateRules(texts, options);
  if (answer === 'both tools')
    throw new UserError('the files hold rules of iptables and of nftables', { mend: 'Say --to nft or --to iptables.' });
  if (answer === 'no rules')
    throw new UserError(`${given.join(', ')}: no rules that could be translated`, {
      mend: 'Give what iptables-save or nft list ruleset prints.',
    });
  await writeAnswer(answer, output, streams, () => translationText(answer, family));
  const style = styleOf(wantsColor(streams.color, streams.env, streams.err.isTTY ?? false));
  if (!quiet) {
    for (const problem of answer.problems) streams.err.write(`${problemText(problem, style)}\n`);
    if (output === 'text') streams.err.write(translationNotes(answer, style));
  }
  if (answer.problems.some(({ severity }) => severity !== 'info')) return EXIT.BAD;
  if (answer.untranslated.length > 0 || answer.check.result === 'differs') return EXIT.NO;
  return answer.check.result === 'undecided' ? EXIT.UNDECIDED : EXIT.YES;
}
