import type { ExecutionResult } from '@keyward/contracts';
import { JsonClient } from '@keyward/sdk';
import type { Cluster } from '@keyward/stack';
import type { Call } from './load.js';

export interface Phase {
  name: string;
  calls: number;
  failed: number;
  /** Asked for again because the connection ended or a process was draining. */
  repeated: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Verdict {
  phases: Phase[];
  calls: number;
  failed: number;
  /** Notes of calls that were answered with success and are not at the provider. */
  lost: number;
  /** Notes that are there more than once. */
  doubled: number;
  /** Executions that were answered and are not in the audit trail, or more than once. */
  unaudited: number;
  chain: string;
}

/** What is at the provider and in the trail, against what callers were told. */
export async function verdictOf(cluster: Cluster, calls: readonly Call[], marker: string): Promise<Verdict> {
  const notes = await notesPerTitle(cluster, marker);
  const written = calls.filter(({ title, error }) => title !== undefined && error === undefined);
  return {
    phases: phasesOf(calls),
    calls: calls.length,
    failed: calls.filter(({ error }) => error !== undefined).length,
    lost: written.filter(({ title }) => (notes.get(title ?? '') ?? 0) === 0).length,
    doubled: [...notes.values()].filter((count) => count > 1).length,
    ...(await trailOf(cluster, calls)),
  };
}

function phasesOf(calls: readonly Call[]): Phase[] {
  const byPhase = Map.groupBy(calls, ({ phase }) => phase);
  return Array.from(byPhase, ([name, own]) => {
    const durations = own.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
    const at = (share: number): number => durations[Math.min(durations.length - 1, Math.floor(durations.length * share))] ?? 0;
    return {
      ...{ name, calls: own.length, p50Ms: at(0.5), p99Ms: at(0.99) },
      failed: own.filter(({ error }) => error !== undefined).length,
      repeated: own.filter(({ tries }) => tries > 1).length,
    };
  });
}

async function notesPerTitle({ info }: Cluster, marker: string): Promise<Map<string, number>> {
  const agent = new JsonClient(info.gatewayUrl, info.agentKey);
  const count = new Map<string, number>();
  for (let cursor: string | null | undefined = undefined; cursor !== null;) {
    const args: Record<string, unknown> = { limit: 100, ...(cursor === undefined ? {} : { cursor }) };
    const body = { user: info.user, arguments: args };
    const { output } = await agent.post<ExecutionResult>('/v1/tools/sandbox_list_notes/execute', body);
    const page = output as { notes: { title: string }[]; nextCursor: string | null };
    for (const { title } of page.notes) if (title.startsWith(marker)) count.set(title, (count.get(title) ?? 0) + 1);
    cursor = page.nextCursor;
  }
  return count;
}

interface Page {
  events: { event: { execution?: string; type: string } }[];
  nextCursor: string | null;
}

async function trailOf({ info }: Cluster, calls: readonly Call[]): Promise<Pick<Verdict, 'unaudited' | 'chain'>> {
  const auditor = new JsonClient(info.auditUrl, info.admin.token);
  const seen = new Map<string, number>();
  const query = `/v1/events?organization=${info.org}&type=execution.completed&limit=500`;
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await auditor.get<Page>(`${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    for (const { event } of page.events) seen.set(event.execution ?? '', (seen.get(event.execution ?? '') ?? 0) + 1);
    cursor = page.nextCursor;
  }
  const answered = new Set(calls.flatMap(({ result }) => (result === undefined ? [] : [result.id])));
  const verified = await auditor.get<{ ok: boolean; verified: number }>(`/v1/events/verify?organization=${info.org}`);
  return {
    unaudited: [...answered].filter((id) => seen.get(id) !== 1).length,
    chain: verified.ok ? `whole, ${verified.verified} records` : 'BROKEN',
  };
}
