export { connectUser, walkConnectPages, type ConnectOptions } from './connect/connect-user.js';
export { storedAccessToken } from './connect/stored-access-token.js';
export { defaultDir } from './home/default-dir.js';
export { AlreadyRunning } from './home/lock.js';
export type { StackPaths } from './home/paths.js';
export type { ProcessHandle, ProcessName } from './process/processes.js';
export { SERVICES, type ServiceName } from './services/names.js';
export { readStackInfo, type StackInfo } from './stack-info.js';
export { startStack, type Stack, type StackOptions } from './stack.js';
