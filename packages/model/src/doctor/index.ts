/** `doctor`: what cannot work. */
export type * from './answer.ts';
export { doctor } from './doctor.ts';
