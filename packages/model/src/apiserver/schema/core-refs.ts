/** References and selectors that several types of core/v1/types.go use. */
import { time } from './scalars.ts';
import { always, pointer, string, struct, text } from './type.ts';

const localObjectReferenceFields = {
  name: string,
};

export const localObjectReference = struct('v1.LocalObjectReference', localObjectReferenceFields);

export const typedLocalObjectReference = struct('v1.TypedLocalObjectReference', {
  apiGroup: always(pointer(string)),
  kind: always(string),
  name: always(string),
});

export const taint = struct('v1.Taint', {
  key: always(string),
  value: string,
  effect: always(text('v1.TaintEffect')),
  timeAdded: pointer(time),
});
