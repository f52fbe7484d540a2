import { describe, expect, it } from '@jest/globals';
import { complaints, scaledDeployments, type Scored } from './score.js';

function scored(id: string, grade: number, skipped = false): Scored {
  const comments = [{ path: 'executor', summary: 'Not well' }];
  return {
    object_name: 'Deployment/apps/v1/keyward/keyward-tool-executor',
    checks: [{ check: { id, name: id }, grade, skipped, comments }],
  };
}

describe('what kube-score says', () => {
  it('counts when it is critical or a warning', () => {
    expect([1, 5, 7, 10].map((grade) => complaints(scored('pod-probes', grade), []).length)).toEqual([1, 1, 0, 0]);
    expect(complaints(scored('pod-probes', 1, true), [])).toEqual([]);
  });

  it('does not ask a Deployment for replicas that KEDA sets, and asks every other', () => {
    const manifests = 'kind: Service\n---\nkind: ScaledObject\nspec: {scaleTargetRef: {name: keyward-tool-executor}}\n';
    expect(scaledDeployments(manifests)).toEqual(['keyward-tool-executor']);
    expect(complaints(scored('deployment-replicas', 5), scaledDeployments(manifests))).toEqual([]);
    expect(complaints(scored('deployment-replicas', 5), ['keyward-token-refresher'])).toHaveLength(1);
  });
});
