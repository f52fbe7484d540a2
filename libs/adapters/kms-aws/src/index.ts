export { createAwsKms, type AwsKmsOptions } from './aws-kms.js';
