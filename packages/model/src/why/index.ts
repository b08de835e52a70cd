/** `why`: from name to socket and back. */
export type * from './answer.ts';
export { type WhyQuestion, why } from './why.ts';
