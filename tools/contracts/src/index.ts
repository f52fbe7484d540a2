export { checkContracts, vendorConnectors, type ConnectorReport } from './check/check.js';
export { problemsOfOutput, type ToolReport } from './check/check-connector.js';
export { valuesFor } from './check/connection-parameters.js';
export { loadConnectors } from './check/load.js';
export { argumentsFor, type Arguments } from './check/make-arguments.js';
export { CALLS as unifiedCalls, type UnifiedCalls } from './check/unified-calls.js';
export { stageConnector } from './stub/stage.js';
export { VendorStub, type Heard, type StubOptions } from './stub/vendor-stub.js';
export { readSamples, sampleOf, type Samples } from './vendor/samples.js';
