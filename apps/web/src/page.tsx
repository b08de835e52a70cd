import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { WorkerAnswer, WorkerQuestion } from './worker.ts';

function Page() {
  const [state, setState] = useState('loading');
  useEffect(() => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', (event: MessageEvent<WorkerAnswer>) => setState(event.data.answer));
    worker.postMessage({ id: 1 } satisfies WorkerQuestion);
    return () => worker.terminate();
  }, []);
  return <main aria-live="polite">podwire: {state}</main>;
}

const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<Page />);
