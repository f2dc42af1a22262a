export { connectLocalBus } from './bus/localclient.ts';
export { serveLocalBus } from './bus/localserver.ts';
