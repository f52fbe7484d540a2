import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import type { AuditRecord, ErrorCode, ExecutionResult, Problem } from '@keyward/contracts';
import { ApiError, JsonClient } from '@keyward/sdk';
import { startStack, type Stack, type StackOptions } from '@keyward/stack';
import { waitFor } from '@keyward/testing';

/** A first start on a busy machine: initdb, migrations, seven processes. */
const START_TIMEOUT_MS = 120_000;

export interface WholeSystem {
  readonly stack: Stack;
  /** As the stack's agent, at the gateway. */
  readonly agent: JsonClient;
  /** As an admin, at auth-service. */
  readonly admin: JsonClient;
  readonly auditor: JsonClient;
  /** The sandbox's levers. */
  readonly levers: JsonClient;
}

/** The whole platform, in a directory of its own, from before the first test of the file until after the last. */
export function wholeSystem(
  options: () => Omit<StackOptions, 'dir'> | Promise<Omit<StackOptions, 'dir'>> = () => ({}),
): WholeSystem {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'keyward-e2e-'));
  let stack: Stack | undefined;
  const running = (): Stack => {
    if (stack === undefined) throw new Error('the stack does not run');
    return stack;
  };
  beforeAll(async () => {
    stack = await startStack({ quiet: true, ...(await options()), dir });
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await stack?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, START_TIMEOUT_MS);
  return {
    get stack() {
      return running();
    },
    get agent() {
      return new JsonClient(running().info.gatewayUrl, running().info.agentKey);
    },
    get admin() {
      return new JsonClient(running().info.authUrl, running().info.admin.token);
    },
    get auditor() {
      return new JsonClient(running().info.auditUrl, running().info.admin.token);
    },
    get levers() {
      return new JsonClient(running().info.sandbox.url, running().sandboxManagementToken);
    },
  };
}

export interface CallOptions {
  arguments?: Record<string, unknown>;
  user?: string;
  idempotencyKey?: string;
  timeoutMs?: number;
  connection?: string;
  dryRun?: boolean;
}

export function callTool(system: WholeSystem, tool: string, options: CallOptions = {}): Promise<ExecutionResult> {
  return system.agent.post(`/v1/tools/${tool}/execute`, { user: system.stack.info.user, ...options });
}

/** The problem that a request is answered with; a request that succeeds fails the test. */
export async function problemOf(request: Promise<unknown>): Promise<Problem> {
  try {
    await request;
  } catch (error) {
    if (error instanceof ApiError) return error.problem as Problem;
    throw error;
  }
  throw new Error('the request was not refused');
}

export async function codeOf(request: Promise<unknown>): Promise<ErrorCode> {
  return (await problemOf(request)).code;
}

/** Audit records of one trace, once there are at least `count`: they are stored after the answer. */
export async function auditOf(system: WholeSystem, traceId: string, count = 1): Promise<AuditRecord[]> {
  let events: AuditRecord[] = [];
  await waitFor(async () => {
    const query = `/v1/events?organization=${system.stack.info.org}&traceId=${traceId}`;
    ({ events } = await system.auditor.get<{ events: AuditRecord[] }>(query));
    return events.length >= count;
  });
  return events;
}
