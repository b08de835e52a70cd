/** The requirements of the Kubernetes network model. */
export type * from './answer.ts';
export { networkModel } from './network.ts';
