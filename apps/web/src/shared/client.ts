import type { TraceAnswer } from '@podwire/model';
import type { Asked, DroppedFile, Opened, Request, Response } from './protocol.ts';

/** A request that the worker refused, in words for the reader. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly candidates: readonly string[],
  ) {
    super(message);
  }
}

/** The page's end of the worker: one promise a request. */
export class Client {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { resolve: (r: Response) => void; reject: (e: Error) => void }>();
  private next = 1;

  constructor(url: URL) {
    this.worker = new Worker(url, { type: 'module' });
    this.worker.addEventListener('message', (event: MessageEvent<Response>) => {
      const wait = this.waiting.get(event.data.id);
      this.waiting.delete(event.data.id);
      wait?.resolve(event.data);
    });
    this.worker.addEventListener('error', (event) => {
      const error = new Error(event.message || 'the worker could not start');
      for (const wait of this.waiting.values()) wait.reject(error);
      this.waiting.clear();
    });
  }

  async open(files: DroppedFile[]): Promise<Opened> {
    const id = this.next++;
    const transfer = files.map((file) => file.bytes.buffer);
    const response = await this.send({ id, ask: 'open', files }, transfer);
    if (!response.ok) throw new Refused(response.message, response.candidates);
    if (!('opened' in response)) throw new Error('the worker answered another question');
    return response.opened;
  }

  async trace(question: Asked): Promise<TraceAnswer> {
    const id = this.next++;
    const response = await this.send({ id, ask: 'trace', question }, []);
    if (!response.ok) throw new Refused(response.message, response.candidates);
    if (!('answer' in response)) throw new Error('the worker answered another question');
    return response.answer;
  }

  close(): void {
    this.worker.terminate();
  }

  private send(request: Request, transfer: Transferable[]): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { resolve, reject });
      this.worker.postMessage(request, transfer);
    });
  }
}
