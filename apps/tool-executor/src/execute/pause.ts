import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from './call.js';

/** Between two requests to the provider. @throws the signal's reason when the call is aborted meanwhile */
export async function pause(call: Call, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: call.signal }).catch(() => call.signal.throwIfAborted());
  call.providerMs += ms;
}
