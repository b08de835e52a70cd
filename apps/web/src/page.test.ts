/** The page in a real browser: it answers from its worker, and the answer is the library's, byte for byte. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createEngine } from '@podwire/engine';
import { answerJson, openSession } from '@podwire/model';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));
const browserPath = process.env.PODWIRE_CHROMIUM ?? '/usr/bin/chromium';
const missing = existsSync(browserPath) ? undefined : `needs browser: no ${browserPath}`;

const TYPES: Record<string, string> = {
  html: 'text/html',
  js: 'text/javascript',
  css: 'text/css',
  wasm: 'application/wasm',
};

/** Milliseconds; a little less than what a test may take, so that it is said what was waited for. */
const PATIENCE = 200_000;

const QUIET = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];

describe('the page', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    if (missing !== undefined) return;
    expect(spawnSync(process.execPath, [`${folder}build.mjs`]).status).toBe(0);
    server = createServer((request, response) => {
      const name = request.url === '/' ? '/index.html' : (request.url ?? '');
      const file = `${folder}dist${name}`;
      if (!existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': TYPES[name.split('.').at(-1) ?? ''] ?? 'text/plain' });
      response.end(readFileSync(file));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({ executablePath: browserPath, args: QUIET, timeout: PATIENCE });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    await page.goto(`http://127.0.0.1:${address.port}/`);
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test('traces its example', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    await page.waitForSelector('.hops');
    expect(await page.locator('h1').textContent()).toContain('delivered');
    expect(await page.locator('.outcomes label').count()).toBe(3);
    expect(await page.getByRole('region', { name: 'Reply' }).count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  test('gives the answer that the library gives', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const names = ['shop/api.yaml', 'shop/namespace.yaml', 'shop/web.yaml'];
    const files = names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(examples + name)) }));
    const session = await openSession({ files, machine: await createEngine() });
    const question = { from: 'deploy/web', to: 'svc/api:http' };
    const inLibrary = answerJson(session.trace(question));
    const inPage = await page.evaluate(
      async ([texts, asked]) => {
        const worker = new Worker('worker.js', { type: 'module' });
        const ask = (request: object) =>
          new Promise<{ answer: unknown }>((resolve) => {
            worker.onmessage = (event) => resolve(event.data);
            worker.postMessage(request);
          });
        const dropped = texts.map(([name, text]) => ({ name, bytes: new TextEncoder().encode(text) }));
        await ask({ id: 1, ask: 'open', files: dropped });
        const { answer } = await ask({ id: 2, ask: 'trace', question: asked });
        worker.terminate();
        return answer;
      },
      [
        files.map(({ name, bytes }) => [name, new TextDecoder().decode(bytes)] as [string, string]),
        { ...question, protocol: '', port: '' },
      ] as const,
    );
    expect(answerJson(inPage as Parameters<typeof answerJson>[0])).toBe(inLibrary);
  });

  test('says what is wrong with a question', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    await page.getByRole('combobox', { name: 'from' }).fill('deploy/wbe');
    await page.getByRole('button', { name: 'Trace' }).click();
    await page.locator('.error', { hasText: 'deploy/shop/web' }).waitFor();
  });
});
