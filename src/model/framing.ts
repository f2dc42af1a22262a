/**
 * Header fields that say where a message ends, what its connection is for (RFC 9110 section 7.6.1) or whom it is for, in lower case. No
 * rule may write them or take them out: it could make one request pass for two.
 */
export const framingHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
