/** The one way an answer is written: the same data as JSON or YAML, or a text for people, fitted to their terminal. */
import { answerJson, sortedAnswer } from '@podwire/model';
import { columnsOf, type Streams } from '../shell/streams.ts';
import { type Style, styleOf, wantsColor } from './style.ts';

export interface TextSettings {
  style: Style;
  /** Columns of the terminal; undefined: lines are never broken. */
  columns: number | undefined;
  /** `-o wide`: what is left out otherwise, too. */
  everything: boolean;
}

/** `output`: `json`, `yaml`, `wide`, or any other word for text. */
export async function writeAnswer(
  answer: object,
  output: string,
  streams: Streams,
  text: (settings: TextSettings) => string,
): Promise<void> {
  if (output === 'json') streams.out.write(answerJson(answer));
  else if (output === 'yaml') {
    const { dump } = await import('js-yaml');
    streams.out.write(dump(sortedAnswer(answer), { lineWidth: -1, noRefs: true }));
  } else {
    const everything = output === 'wide';
    const style = styleOf(wantsColor(streams.color, streams.env, streams.out.isTTY ?? false));
    streams.out.write(text({ style, columns: everything ? undefined : columnsOf(streams.out), everything }));
  }
}
