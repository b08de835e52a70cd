/** The worker owns the engine: the page sends it questions and gets answers, and never blocks. */
self.addEventListener('message', (event: MessageEvent<WorkerQuestion>) => {
  self.postMessage({ id: event.data.id, answer: 'ready' } satisfies WorkerAnswer);
});

/** What the page sends. */
export interface WorkerQuestion {
  readonly id: number;
}

/** What the worker sends back, under the question's id. */
export interface WorkerAnswer {
  readonly id: number;
  readonly answer: string;
}
