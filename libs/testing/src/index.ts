export { testBackend, type TestBackend } from './backend.js';
export { testKms, type TestKms } from './kms-emulator.js';
export { testNats, type TestNats, type TestNatsOptions } from './nats.js';
export { dedicatedPostgres, testPostgres, type DedicatedPostgres, type TestPostgres } from './postgres.js';
export { sandboxConnectors, sandboxVariables } from './sandbox-connectors.js';
export { waitFor, type WaitForOptions } from './wait-for.js';
export { withClockSetBy } from './clock-set-by.js';
