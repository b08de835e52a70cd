/** What an API server of v1.36 accepts, refuses and fills in. */

export { kindOfPlural } from './kinds/index.ts';
export { type Review, review } from './review.ts';
export { isServed } from './served.ts';
export { ApiServer, isJudged, type Options } from './server.ts';
export type { Accepted, Answer, Refused } from './status/answer.ts';
export type { Cause } from './status/field-errors.ts';
