/** `why`: from name to socket and back. */
export type * from './answer.ts';
export { why } from './why.ts';
