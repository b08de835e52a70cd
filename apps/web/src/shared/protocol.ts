/** The whole conversation between the page and its worker. The worker owns the engine; the page owns the screen. */
import type { Problem, TraceAnswer } from '@podwire/model';

/** A file as dropped on the page; its bytes are transferred, not copied. */
export interface DroppedFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What the page asks in one question. Words as the command line takes them. */
export interface Asked {
  from: string;
  to: string;
  protocol: string;
  /** Empty: the destination says it. */
  port: string;
}

export type Request = { id: number; ask: 'open'; files: DroppedFile[] } | { id: number; ask: 'trace'; question: Asked };

/** What an opened input holds, for the first screen and for completion. */
export interface Opened {
  nodes: number;
  pods: number;
  services: number;
  problems: Problem[];
  /** References that the question's fields offer. */
  sources: string[];
  destinations: string[];
}

export type Response =
  | { id: number; ok: true; opened: Opened }
  | { id: number; ok: true; answer: TraceAnswer }
  /** The question or the input is wrong; sentences for the reader. */
  | { id: number; ok: false; message: string; candidates: string[] };
