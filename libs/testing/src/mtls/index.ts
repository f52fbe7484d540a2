export { startMtlsServer, testCa, testClient } from './server.js';
