export { otherClient, startMtlsServer, testCa, testClient, type MtlsAnswer, type MtlsRequest } from './server.js';
