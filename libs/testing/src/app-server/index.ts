export { APP_CLIENT, appManifest, type AppManifestOptions } from './app-manifest.js';
export { AppServer, type ListAnswer } from './app-server.js';
