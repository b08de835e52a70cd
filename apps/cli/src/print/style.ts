/** Colour: it only helps, words and symbols carry the meaning. */

export type ColorMode = 'auto' | 'always' | 'never';

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;

export type Tone = keyof typeof CODES;

export type Style = (text: string, ...tones: Tone[]) => string;

/** `--color` first, then NO_COLOR (no-color.org), FORCE_COLOR, and whether a terminal that knows colour is there. */
export function wantsColor(mode: ColorMode, env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (mode !== 'auto') return mode === 'always';
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '')
    return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return isTerminal && env.TERM !== 'dumb';
}

export function styleOf(color: boolean): Style {
  if (!color) return (text) => text;
  return (text, ...tones) =>
    text === '' ? text : tones.reduce((t, tone) => `\u001b[${CODES[tone][0]}m${t}\u001b[${CODES[tone][1]}m`, text);
}
