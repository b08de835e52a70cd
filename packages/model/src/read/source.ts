import type { KubeObject } from '../objects/kube.ts';
import type { Problem } from '../problem.ts';

/** A file as a collector hands it over: from a disk, standard input, a drop on the page. Archives are still packed. */
export interface SourceFile {
  /** Path as the user would name it, `/` between parts. */
  name: string;
  bytes: Uint8Array;
}

/** Where an object stands in its source. */
export interface Origin {
  file: string;
  /** Index among the file's documents, empty ones not counted. */
  document: number;
  /** Position inside `items`, outermost list first; absent for an object that is its own document. */
  items?: number[];
  /** 1-based line of the object's first field. */
  line: number;
}

/** One object with its place. */
export interface SourcedObject {
  object: KubeObject;
  origin: Origin;
}

export interface ReadResult {
  /** In the order of files (byte order of names) and of documents. Every definition, repeated ones too. */
  objects: SourcedObject[];
  problems: Problem[];
  /** What was seen but holds no object we know how to use: kustomization files, text, empty documents ... */
  ignored: { file: string; document?: number; why: string }[];
  files: number;
  documents: number;
  /** Line of a field (`['spec', 'ports', 0, 'port']`), by reading the source once more; the nearest existing parent where the field is not written. */
  lineOf(origin: Origin, path: readonly (string | number)[]): number;
}
