/** A Go module at a version, and the hash that `go.sum` would hold for it: where schemas were taken from. */
export interface SchemaSource {
  module: string;
  version: string;
}

/** The supported range, oldest first, by minor version, with the patch release whose schemas stand for it. */
export const KUBERNETES: Record<string, string> = {
  '1.30': 'v1.30.14',
  '1.31': 'v1.31.14',
  '1.32': 'v1.32.13',
  '1.33': 'v1.33.13',
  '1.34': 'v1.34.4',
  '1.35': 'v1.35.4',
};

export const KUBERNETES_VERSIONS = Object.keys(KUBERNETES);

/** The kinds of Kubernetes that the chart and k8s/ may use: `group/version/Kind`, the core group being left out. */
export const NATIVE_KINDS = [
  'v1/Namespace',
  'v1/Service',
  'v1/ServiceAccount',
  'v1/ConfigMap',
  'v1/Secret',
  'v1/Pod',
  'v1/PersistentVolumeClaim',
  'v1/ResourceQuota',
  'v1/LimitRange',
  'apps/v1/Deployment',
  'apps/v1/StatefulSet',
  'batch/v1/Job',
  'batch/v1/CronJob',
  'networking.k8s.io/v1/NetworkPolicy',
  'networking.k8s.io/v1/Ingress',
  'policy/v1/PodDisruptionBudget',
  'autoscaling/v2/HorizontalPodAutoscaler',
  'rbac.authorization.k8s.io/v1/Role',
  'rbac.authorization.k8s.io/v1/RoleBinding',
] as const;

export interface CrdSource extends SchemaSource {
  /** Files of the module that hold definitions. */
  files: string[];
  /** What of them is used: `Kind` by the versions that are served. */
  kinds: string[];
}

/** What other projects define, by a name for the file that holds it here. */
export const CRDS: Record<string, CrdSource> = {
  keda: {
    module: 'github.com/kedacore/keda/v2',
    version: 'v2.21.0',
    files: ['config/crd/bases/keda.sh_scaledobjects.yaml', 'config/crd/bases/keda.sh_triggerauthentications.yaml'],
    kinds: ['ScaledObject', 'TriggerAuthentication'],
  },
  'prometheus-operator': {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    files: [
      'example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml',
      'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
      'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
    ],
    kinds: ['PodMonitor', 'ServiceMonitor', 'PrometheusRule'],
  },
  'gateway-api': {
    module: 'sigs.k8s.io/gateway-api',
    version: 'v1.6.3',
    files: ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
    kinds: ['HTTPRoute'],
  },
  'cloudnative-pg': {
    module: 'github.com/cloudnative-pg/cloudnative-pg',
    version: 'v1.28.0',
    files: ['config/crd/bases/postgresql.cnpg.io_clusters.yaml', 'config/crd/bases/postgresql.cnpg.io_scheduledbackups.yaml'],
    kinds: ['Cluster', 'ScheduledBackup'],
  },
  'external-secrets': {
    module: 'github.com/external-secrets/external-secrets',
    version: 'v1.3.2',
    files: ['config/crds/bases/external-secrets.io_externalsecrets.yaml'],
    kinds: ['ExternalSecret'],
  },
  'cert-manager': {
    module: 'github.com/cert-manager/cert-manager',
    version: 'v1.21.2',
    files: ['deploy/crds/cert-manager.io_certificates.yaml', 'deploy/crds/cert-manager.io_issuers.yaml'],
    kinds: ['Certificate', 'Issuer'],
  },
};
