import { buildAuditEvent, type AuditPort } from '@keyward/audit';
import type { ToolCall } from '@keyward/connectors';
import type { AgentAddress, ErrorCode, ExecutionState, KeywardError } from '@keyward/contracts';
import type { GatewayMetrics } from '../metrics.js';

/** What the gateway itself refuses an authenticated agent, and how such a call is said to have ended. */
const STATES = {
  unknown_tool: 'failed',
  invalid_arguments: 'failed',
  tool_not_assigned: 'denied',
} as const satisfies Partial<Record<ErrorCode, ExecutionState>>;

export interface Refusal {
  id: string;
  address: AgentAddress;
  user: string;
  toolName: string;
  /** Undefined where no such tool exists. */
  asked: ToolCall | undefined;
  error: KeywardError;
  traceId: string;
}

export function refusalState(code: ErrorCode): 'denied' | 'failed' | undefined {
  return code in STATES ? STATES[code as keyof typeof STATES] : undefined;
}

/** Every outcome is in the audit trail, also of calls that never reach the executor. */
export class Refusals {
  constructor(
    private readonly audit: AuditPort,
    private readonly metrics: GatewayMetrics,
  ) {}

  /** Resolves once the event is acknowledged; without that, no answer. @throws KeywardError `dependency_unavailable` */
  async record({ id, address, user, toolName, asked, error, traceId }: Refusal): Promise<void> {
    const state = refusalState(error.code);
    if (state === undefined) return;
    const tool = asked?.tool;
    await this.audit.record(
      buildAuditEvent({
        type: 'execution.completed',
        org: address.org,
        actor: { kind: 'agent', id: address.agent },
        traceId,
        agent: address.agent,
        user,
        execution: id,
        tool: toolName,
        ...(tool === undefined ? {} : { provider: tool.provider.name }),
        ...(asked?.isUnified === true ? { nativeTool: asked.tool.name } : {}),
        state,
        errorCode: error.code,
        attempts: 0,
      }),
    );
    this.metrics.ended(tool, state, error.code);
  }
}
