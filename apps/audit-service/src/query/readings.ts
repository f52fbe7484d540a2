import { buildAuditEvent, type AuditPort } from '@keyward/audit';
import { DEPLOYMENT_ORG, type AuditEventType } from '@keyward/contracts';
import { currentTraceId } from '@keyward/service-host';
import type { Reader } from './auditor.js';

export type ReadingType = Extract<AuditEventType, 'audit.read' | 'audit.exported' | 'audit.verified' | 'usage.read'>;

export interface Reading {
  type: ReadingType;
  reader: Reader;
  /** Whose trail; undefined for every organization's, which only the operator reads. */
  organization: string | undefined;
  /** What was asked for besides: shown as `name=value&…` in the event's `target`. */
  asked: object;
}

/** Whether an organization has a trail. */
export type HasTrail = (organization: string) => Promise<boolean>;

/** Who reads the trail is in the trail. */
export class Readings {
  constructor(
    private readonly audit: AuditPort,
    private readonly hasTrail: HasTrail,
  ) {}

  /**
   * To be awaited before anything is shown. What an operator reads of an organization that has no trail is in the deployment's, so that
   * asking for made-up ids begins no chains.
   *
   * @throws KeywardError `dependency_unavailable` where it can't be recorded: then nothing may be shown
   */
  async record({ type, reader, organization, asked }: Reading): Promise<void> {
    const own = organization !== undefined && (reader.kind === 'person' || (await this.hasTrail(organization)));
    const named = own ? { ...asked, organization: undefined } : { organization: organization ?? '*', ...asked };
    const target = Object.entries(named)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${value}`)
      .join('&');
    await this.audit.record(
      buildAuditEvent({
        type,
        org: own ? organization : DEPLOYMENT_ORG,
        actor: { kind: 'admin', id: reader.id },
        traceId: currentTraceId(),
        target: target === '' ? undefined : target,
      }),
    );
  }
}
