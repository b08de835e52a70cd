/** Keys of WireGuard, 32 bytes in base64: in a dump they may stand where no reader expects them. */

export const KEY = /^[A-Za-z0-9+/]{43}=$/;
const ANYWHERE = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])/g;

/** A text that may be shown to anybody: whether a key is private its text does not say. */
export const withoutKeys = (text: string): string => text.replace(ANYWHERE, '(key)');
