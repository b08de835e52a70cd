/** ServiceCIDR and IPAddress: networking/v1/types.go. */
import { condition, type Draft, root } from './meta.ts';
import { list, type Of, pointer, string, struct } from './type.ts';

const parentReference = struct('v1.ParentReference', {
  group: string,
  resource: string,
  namespace: string,
  name: string,
});

export const ipAddress = root('v1.IPAddress', {
  spec: struct('v1.IPAddressSpec', { parentRef: pointer(parentReference) }),
});

export type ParentReference = Of<typeof parentReference>;
export type IPAddress = Draft & Of<typeof ipAddress>;

export const serviceCIDR = root('v1.ServiceCIDR', {
  spec: struct('v1.ServiceCIDRSpec', { cidrs: list(string) }),
  status: struct('v1.ServiceCIDRStatus', { conditions: list(condition) }),
});

export type ServiceCIDR = Draft & Of<typeof serviceCIDR>;
