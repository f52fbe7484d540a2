{{/* (dict "name" n "value" v) → one variable, or nothing where there is no value: the service's own default counts then */}}
{{- define "keyward.env" -}}
{{- $value := .value -}}
{{- if kindIs "float64" $value }}{{ $value = int64 $value }}{{ end -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: {{ .name }}
  value: {{ toString $value | quote }}
{{- end }}
{{- end -}}

{{/* (dict "name" n "file" f): a secret that the service reads from a file */}}
{{- define "keyward.envFile" }}
- name: {{ .name }}_FILE
  value: {{ include "keyward.secretsDir" . }}/{{ .file }}
{{- end -}}

{{/* What every service and the migration have: logs, and how much memory the C library may keep. */}}
{{- define "keyward.env.process" -}}
{{- $values := .root.Values }}
- name: NODE_ENV
  value: production
- name: MALLOC_ARENA_MAX
  value: '2'
{{- include "keyward.env" (dict "name" "KEYWARD_LOG_LEVEL" "value" $values.logs.level) }}
{{- if $values.trustedCa.existingConfigMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/keyward/ca/{{ $values.trustedCa.key }}
{{- end }}
{{- end -}}

{{- define "keyward.env.host" -}}
{{- $values := .root.Values -}}
{{- include "keyward.env.process" . }}
- name: KEYWARD_OPS_HOST
  value: {{ $values.listenHost | quote }}
- name: KEYWARD_OPS_PORT
  value: '9100'
{{- include "keyward.env" (dict "name" "KEYWARD_LOG_REQUESTS" "value" $values.logs.requests) }}
{{- include "keyward.env" (dict "name" "KEYWARD_DRAIN_TIMEOUT_MS" "value" $values.drainTimeoutMs) }}
{{- if .facts.http }}
- name: KEYWARD_HTTP_HOST
  value: {{ $values.listenHost | quote }}
- name: KEYWARD_HTTP_PORT
  value: {{ .facts.http | int64 | quote }}
{{- include "keyward.env" (dict "name" "KEYWARD_TRUSTED_PROXIES" "value" $values.limits.trustedProxies) }}
{{- include "keyward.env" (dict "name" "KEYWARD_PUBLIC_REQUESTS_PER_MINUTE" "value" $values.limits.publicRequestsPerMinute) }}
{{- include "keyward.env" (dict "name" "KEYWARD_FAILED_AUTHENTICATIONS" "value" $values.limits.failedAuthentications) }}
{{- end }}
{{- with $values.telemetry }}
{{- if .otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .otlpEndpoint | quote }}
{{- include "keyward.env" (dict "name" "KEYWARD_TRACE_SAMPLE_RATIO" "value" (toString .sampleRatio)) }}
{{- include "keyward.env" (dict "name" "KEYWARD_TRACE_SLOW_MS" "value" .slowMs) }}
{{- if .headersSecret.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret.name }}
      key: {{ .headersSecret.key }}
{{- end }}
{{- if .resourceAttributes }}
{{- $pairs := list }}
{{- range $name, $value := .resourceAttributes }}{{ $pairs = append $pairs (printf "%s=%s" $name $value) }}{{ end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $pairs | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "keyward.env.transport" -}}
{{- $values := .root.Values -}}
{{- include "keyward.envFile" (dict "name" "KEYWARD_DATABASE_URL" "file" "database-url") }}
- name: KEYWARD_NATS_URL
  value: {{ $values.nats.url | quote }}
- name: KEYWARD_NATS_CREDS_FILE
  value: {{ include "keyward.secretsDir" . }}/nats.creds
{{- if has .name (list "auth-service" "tool-executor" "audit-service") }}
{{- include "keyward.env" (dict "name" "KEYWARD_NATS_STREAM_REPLICAS" "value" $values.nats.streamReplicas) }}
{{- end }}
{{- end -}}

{{- define "keyward.env.connectors" -}}
{{- with .root.Values.connectors }}
- name: KEYWARD_CONNECTORS_DIR
  value: {{ .dir | quote }}
{{- if .variables }}
- name: KEYWARD_CONNECTOR_VARIABLES
  value: {{ toJson .variables | quote }}
{{- end }}
{{- include "keyward.env" (dict "name" "KEYWARD_CONNECTORS_RELOAD_MS" "value" .reloadMs) }}
{{- end }}
{{- end -}}

{{- define "keyward.env.keys" -}}
{{- with .root.Values.kms }}
- name: KEYWARD_KMS
  value: {{ .kind }}
{{- if eq .kind "local" }}
- name: KEYWARD_KMS_KEY_FILE
  value: {{ include "keyward.privateDir" . }}/kms-key
{{- else }}
{{- include "keyward.env" (dict "name" "KEYWARD_KMS_KEY_ID" "value" .aws.keyId) }}
{{- include "keyward.env" (dict "name" "KEYWARD_KMS_REGION" "value" .aws.region) }}
{{- include "keyward.env" (dict "name" "KEYWARD_KMS_ENDPOINT" "value" .aws.endpoint) }}
{{- end }}
{{- end }}
{{- with .root.Values.egress.privateOrigins }}
- name: KEYWARD_EGRESS_PRIVATE_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{/* (dict "prefix" KEYWARD_OBJECTS "store" the values' store) */}}
{{- define "keyward.env.store" -}}
{{- $prefix := .prefix -}}
{{- with .store }}
{{- if .kind }}
- name: {{ $prefix }}
  value: {{ .kind }}
{{- if eq .kind "file" }}
- name: {{ $prefix }}_DIR
  value: {{ .file.mountPath | quote }}
{{- else }}
{{- include "keyward.env" (dict "name" (printf "%s_BUCKET" $prefix) "value" .s3.bucket) }}
{{- include "keyward.env" (dict "name" (printf "%s_PREFIX" $prefix) "value" .s3.prefix) }}
{{- include "keyward.env" (dict "name" (printf "%s_REGION" $prefix) "value" .s3.region) }}
{{- include "keyward.env" (dict "name" (printf "%s_ENDPOINT" $prefix) "value" .s3.endpoint) }}
{{- include "keyward.env" (dict "name" (printf "%s_KMS_KEY_ID" $prefix) "value" .s3.kmsKeyId) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "keyward.env.gateway" -}}
{{- $values := .root.Values -}}
{{- include "keyward.env" (dict "name" "KEYWARD_NATS_AGENTS_URL" "value" $values.nats.agentsUrl) }}
- name: KEYWARD_NATS_AGENTS_CREDS_FILE
  value: {{ include "keyward.secretsDir" . }}/nats-agents.creds
{{- include "keyward.env.store" (dict "prefix" "KEYWARD_OBJECTS" "store" $values.objects) }}
{{- end -}}

{{- define "keyward.env.auth-service" -}}
{{- $values := .root.Values -}}
{{- include "keyward.envFile" (dict "name" "KEYWARD_ADMIN_TOKEN" "file" "admin-token") }}
{{- include "keyward.envFile" (dict "name" "KEYWARD_STATE_SECRET" "file" "state-secret") }}
{{- include "keyward.envFile" (dict "name" "KEYWARD_AGENTS_SIGNING_SEED" "file" "agents-signing-seed") }}
- name: KEYWARD_AGENTS_ACCOUNT
{{- if $values.nats.agentsAccount }}
  value: {{ $values.nats.agentsAccount | quote }}
{{- else }}
  valueFrom:
    secretKeyRef:
      name: {{ $values.nats.existingSecret }}
      key: {{ $values.nats.agentsAccountKey }}
{{- end }}
- name: KEYWARD_NATS_PUBLIC_URL
  value: {{ default (default $values.nats.url $values.nats.agentsUrl) $values.nats.publicUrl | quote }}
- name: KEYWARD_AUTH_PUBLIC_URL
  value: {{ $values.publicUrls.auth | quote }}
{{- with $values.oidc }}
{{- if .issuer }}
- name: KEYWARD_OIDC_ISSUER
  value: {{ .issuer | quote }}
- name: KEYWARD_OIDC_CLIENT_ID
  value: {{ .clientId | quote }}
{{- include "keyward.envFile" (dict "name" "KEYWARD_OIDC_CLIENT_SECRET" "file" "oidc-client-secret") }}
{{- include "keyward.env" (dict "name" "KEYWARD_OIDC_SCOPES" "value" (join " " .scopes)) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "keyward.env.token-refresher" -}}
{{- with .root.Values.refresh }}
{{- include "keyward.env" (dict "name" "KEYWARD_REFRESH_LEASE_MS" "value" .leaseMs) }}
{{- include "keyward.env" (dict "name" "KEYWARD_REFRESH_CONCURRENCY" "value" .concurrency) }}
{{- include "keyward.env" (dict "name" "KEYWARD_REFRESH_SLEEP_AFTER_HOURS" "value" .sleepAfterHours) }}
{{- end }}
{{- end -}}

{{- define "keyward.env.tool-executor" -}}
{{- $values := .root.Values -}}
{{- include "keyward.env" (dict "name" "KEYWARD_EXECUTOR_CONCURRENCY" "value" $values.execution.concurrency) }}
{{- include "keyward.env" (dict "name" "KEYWARD_LOG_CALLS" "value" $values.logs.calls) }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_ARGUMENTS" "value" $values.audit.arguments) }}
{{- include "keyward.env" (dict "name" "KEYWARD_COST_CURRENCY" "value" $values.cost.currency) }}
{{- include "keyward.env.store" (dict "prefix" "KEYWARD_OBJECTS" "store" $values.objects) }}
{{- if $values.objects.kind }}
{{- include "keyward.env" (dict "name" "KEYWARD_OBJECTS_RETENTION_HOURS" "value" $values.objects.retentionHours) }}
{{- end }}
{{- end -}}

{{- define "keyward.env.audit-service" -}}
{{- $values := .root.Values -}}
{{- include "keyward.envFile" (dict "name" "KEYWARD_ADMIN_TOKEN" "file" "admin-token") }}
{{- with $values.audit }}
{{- if .signing.kind }}
- name: KEYWARD_AUDIT_SIGNING
  value: {{ .signing.kind }}
{{- if eq .signing.kind "local" }}
- name: KEYWARD_AUDIT_SIGNING_KEY_FILE
  value: {{ include "keyward.privateDir" $ }}/audit-signing-key
{{- else }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_SIGNING_KEY_ID" "value" .signing.aws.keyId) }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_SIGNING_REGION" "value" .signing.aws.region) }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_SIGNING_ENDPOINT" "value" .signing.aws.endpoint) }}
{{- end }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_CHECKPOINT_SECONDS" "value" .checkpointSeconds) }}
{{- if .signing.previousKeys.existingConfigMap }}
- name: KEYWARD_AUDIT_SIGNING_PREVIOUS_KEYS_FILE
  value: /etc/keyward/previous-keys/{{ .signing.previousKeys.key }}
{{- end }}
{{- end }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_RETENTION_DAYS" "value" .retentionDays) }}
{{- include "keyward.env.store" (dict "prefix" "KEYWARD_AUDIT_ANCHOR" "store" .anchor) }}
{{- if .anchor.kind }}
{{- include "keyward.env" (dict "name" "KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS" "value" .anchor.retentionDays) }}
{{- end }}
{{- if .forward.existingSecret }}
- name: KEYWARD_AUDIT_FORWARD_FILE
  value: /etc/keyward/forward/{{ .forward.key }}
{{- end }}
{{- end }}
{{- include "keyward.env" (dict "name" "KEYWARD_COST_CURRENCY" "value" $values.cost.currency) }}
{{- end -}}

{{/* (dict "root" $ "name" service "facts" facts "settings" settings) → the whole environment of one service */}}
{{- define "keyward.environment" -}}
{{- include "keyward.env.host" . }}
{{- include "keyward.env.transport" . }}
{{- if .facts.connectors }}{{ include "keyward.env.connectors" . }}{{ end }}
{{- if .facts.keys }}{{ include "keyward.env.keys" . }}{{ end }}
{{- include (printf "keyward.env.%s" .name) . }}
{{- with .settings.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
