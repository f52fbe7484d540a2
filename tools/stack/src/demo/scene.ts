import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionResult } from '@keyward/contracts';
import { ApiError, type JsonClient } from '@keyward/sdk';
import type { StackInfo } from '../stack-info.js';
import type { StoryAgent } from './cast.js';
import type { Narrator } from './narrator.js';

const SETTLE_TIMEOUT_MS = 15_000;

export interface Scene {
  info: StackInfo;
  sandbox: JsonClient;
  admin: JsonClient;
  agent: StoryAgent;
  tell: Narrator;
}

export type Call = Pick<ExecutionResult, 'state' | 'output' | 'attempts' | 'durationMs'> & { code?: string; connectUrl?: string };

/** A call over HTTP; a refusal is an outcome here, not an exception. */
export async function call(agent: StoryAgent, user: string, tool: string, args: object, connection?: string): Promise<Call> {
  try {
    const body = { user, arguments: args, ...(connection === undefined ? {} : { connection }) };
    return await agent.http.post<ExecutionResult>(`/v1/tools/${tool}/execute`, body);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { connectUrl } = (error.problem ?? {}) as { connectUrl?: string };
    return { state: 'denied', attempts: 0, durationMs: 0, code: error.code, ...(connectUrl === undefined ? {} : { connectUrl }) };
  }
}

export const quoted = (value: unknown): string => JSON.stringify(value);

/** Whether it becomes true within a time that is long for one machine. */
export async function eventually(condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await delay(100);
  }
  return true;
}
