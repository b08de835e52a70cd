// Tests of the source itself: length of files, import cycles between folders, words that do not belong in the
// repository, unfinished marks, large files. Prints one line per finding; exits 1 where there is one.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { cycles } from './lib/cycles.mjs';
import { root } from './lib/root.mjs';

const MAX_LINES = 450;
const MAX_BYTES = 400_000;
const IGNORED = new Set(['node_modules', 'dist', '.cache', '.turbo', '.git', 'coverage']);
const SOURCE = new Set(['.ts', '.tsx', '.mjs', '.js']);

/** Written in pieces, so that this file does not find itself. */
const BANNED = [
  ['a path of one machine', new RegExp(['(^|[\\s"\'`(=:])/(wo', 'rk|ro', 'ot|home/\\w+|tmp/\\w+_jobs)/'].join(''))],
  [
    'the address of a package registry',
    new RegExp(['(tarball|resolved|registry|index-url)["\']?\\s*[:=]\\s*["\']?http', 's?://'].join('')),
  ],
  [
    'the host of a package registry',
    new RegExp(['registry\\.npm', 'js|npmmir', 'ror|registry\\.yarn', 'pkg'].join('')),
  ],
];
const UNFINISHED = [
  ['an unfinished mark', new RegExp(['\\b(TO', 'DO|FIX', 'ME|XX', 'X|HA', 'CK)\\b'].join(''))],
  [
    'a check switched off',
    new RegExp(['@ts-(ig', 'nore|no', 'check|expect-err', 'or)|biome-ig', 'nore|lint-dis', 'able'].join('')),
  ],
  [
    'a test switched off or singled out',
    new RegExp(['\\b(test|it|describe|suite)\\.(sk', 'ip|on', 'ly|to', 'do)\\('].join('')),
  ],
  ['the type any', new RegExp([':\\s*an', 'y\\b|\\bas an', 'y\\b|<an', 'y>'].join('')), new Set(['.ts', '.tsx'])],
];

const findings = [];
const find = (file, line, what) => findings.push(`${file}${line > 0 ? `:${line}` : ''}  ${what}`);

function* filesBelow(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (IGNORED.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

function checkWords(file, text, words) {
  const extension = extname(file);
  for (const [index, line] of text.split('\n').entries()) {
    for (const [what, pattern, only] of words) {
      if (only === undefined || only.has(extension)) if (pattern.test(line)) find(file, index + 1, what);
    }
  }
}

/** Comments are prose: what looks like an import or a type there is none. */
const withoutComments = (text) =>
  text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '));

/** What a module loads at run time: imports of types vanish, so they may go both ways. */
const importsOf = (text) =>
  [...text.matchAll(/\b(?:import|export)\b(?!\s+type\b)[^;']*?(?:\bfrom\s*|\(\s*)?'(\.[^']*)'/g)].map(
    (match) => match[1],
  );

const folders = new Map();
/** An `index.ts` gathers its neighbours, so it would close a cycle with each: left out, as tests are. */
function noteImports(file, text) {
  const from = dirname(file);
  for (const specifier of importsOf(text)) {
    const to = dirname(join(from, specifier));
    if (!folders.has(from)) folders.set(from, new Set());
    if (to !== from) folders.get(from).add(to);
  }
}

for (const file of filesBelow('.')) {
  const path = relative('.', file);
  const size = statSync(join(root, file)).size;
  if (size > MAX_BYTES) find(path, 0, `${size} bytes: built or fetched files do not belong here`);
  const text = readFileSync(join(root, file), 'utf8');
  if (text.includes('\0')) continue;
  checkWords(path, text, BANNED);
  if (!SOURCE.has(extname(file))) continue;
  const lines = text.split('\n').length - 1;
  if (lines > MAX_LINES) find(path, 0, `${lines} lines: more than ${MAX_LINES}, one subject each`);
  checkWords(path, text, UNFINISHED.slice(0, 3));
  const code = withoutComments(text);
  checkWords(path, code, UNFINISHED.slice(3));
  if (!/(\.test|\bindex)\.\w+$/.test(path)) noteImports(path, code);
}
for (const cycle of cycles(folders)) find(cycle[0], 0, `import cycle between folders: ${cycle.join(' <-> ')}`);

for (const finding of findings.sort()) console.log(finding);
console.log(`tidy: ${findings.length === 0 ? 'nothing found' : `${findings.length} found`}`);
process.exitCode = findings.length === 0 ? 0 : 1;
