import type { TraceAnswer } from '@podwire/model';
import { type DragEvent, useCallback, useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { example } from './example.ts';
import { Client, Refused } from './shared/client.ts';
import type { Asked, DroppedFile, Opened } from './shared/protocol.ts';
import { Answer } from './views/answer.tsx';
import { QuestionBar } from './views/question-bar.tsx';

const sentence = (error: unknown): string => {
  if (error instanceof Refused && error.candidates.length > 0)
    return `${error.message}\nDid you mean: ${error.candidates.join(', ')}?`;
  return error instanceof Error ? error.message : String(error);
};

const bytesOf = async (file: File): Promise<DroppedFile> => ({
  name: file.webkitRelativePath || file.name,
  bytes: new Uint8Array(await file.arrayBuffer()),
});

function Page() {
  const client = useMemo(() => new Client(new URL('./worker.js', import.meta.url)), []);
  const [opened, setOpened] = useState<Opened>();
  const [asked, setAsked] = useState<Asked>(example.question);
  const [answer, setAnswer] = useState<TraceAnswer>();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(true);
  const [dragging, setDragging] = useState(false);

  const attempt = useCallback(async (work: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
    } catch (caught) {
      setAnswer(undefined);
      setError(sentence(caught));
    } finally {
      setBusy(false);
    }
  }, []);

  const ask = useCallback(
    (question: Asked) =>
      attempt(async () => {
        setAsked(question);
        setAnswer(await client.trace(question));
      }),
    [attempt, client],
  );

  useEffect(() => {
    void attempt(async () => {
      setOpened(await client.open(example.files()));
      setAnswer(await client.trace(example.question));
    });
    return () => client.close();
  }, [attempt, client]);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDragging(false);
    const files = [...event.dataTransfer.files];
    if (files.length === 0) return;
    void attempt(async () => {
      setOpened(await client.open(await Promise.all(files.map(bytesOf))));
      setAnswer(undefined);
    });
  };

  return (
    <div
      className={dragging ? 'app dragging' : 'app'}
      role="application"
      aria-busy={busy}
      onDragOver={(event) => {
        event.preventDefault();
        setDragging(true);
      }}
      onDragLeave={() => setDragging(false)}
      onDrop={drop}
    >
      <div className="top">
        <b>podwire</b>
        {opened === undefined ? null : (
          <>
            <span className="cluster">
              {opened.nodes} nodes, {opened.pods} pods, {opened.services} Services
              {opened.problems.length === 0 ? '' : `, ${opened.problems.length} problems`}
            </span>
            <QuestionBar opened={opened} asked={asked} busy={busy} onAsk={ask} />
          </>
        )}
      </div>
      {answer === undefined ? (
        <main className="first" aria-live="polite">
          {error === undefined ? null : <p className="error">{error}</p>}
          <h1>{busy ? 'Reading …' : 'What happens to this packet, and why?'}</h1>
          <p>
            Drop manifests, a snapshot or an archive anywhere on this page, then ask from where to where. Everything
            stays in this browser.
          </p>
        </main>
      ) : (
        <Answer key={JSON.stringify(asked)} answer={answer} />
      )}
    </div>
  );
}

const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<Page />);
