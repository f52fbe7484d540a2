export { EphemeralSigner, type EphemeralAlgorithm } from './ephemeral-signer.js';
export { sampleEvent, sampleExport, type SampleExport, type SampleOptions } from './sample-export.js';
