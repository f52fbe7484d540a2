{{/*
Secrets reach a service as files in one read-only volume, never as environment variables: what is not in the environment is not in
`kubectl describe`, in a crash report, or in a child's hands. Each service gets the files that it needs and no other.
*/}}

{{- define "keyward.secretsDir" -}}/run/keyward/secrets{{- end -}}

{{/* Where files are that must belong to the process alone, see keyward.privateFiles. */}}
{{- define "keyward.privateDir" -}}/run/keyward/private{{- end -}}

{{/* (dict "secret" name "key" key "path" file) */}}
{{- define "keyward.secretSource" -}}
- secret:
    name: {{ .secret }}
    items:
      - key: {{ .key }}
        path: {{ .path }}
{{- end -}}

{{/* The one Secret that holds the admin token, the state secret and the signing seed; made by the chart for evaluation only. */}}
{{- define "keyward.coreSecret" -}}
{{- if .Values.evaluation.createSecrets -}}{{ include "keyward.fullname" . }}-evaluation
{{- else -}}{{ .Values.secrets.existingSecret }}
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "name" service "facts" facts) → {secret, key} of the service's own database URL */}}
{{- define "keyward.databaseSecret" -}}
{{- $own := default dict (index .root.Values.database.perService .facts.values) -}}
{{- $made := and .root.Values.evaluation.createSecrets (ne .root.Values.evaluation.database.host "") (empty $own.existingSecret) -}}
{{- $shared := ternary (printf "%s-evaluation" (include "keyward.fullname" .root)) .root.Values.database.existingSecret $made -}}
{{- $prefix := ternary "database-" "" $made -}}
secret: {{ default $shared $own.existingSecret }}
key: {{ default (printf "%s%s" $prefix .name) $own.key }}
{{- end -}}

{{/* (dict "root" $ "name" service "facts" facts) → {secret, key} of the service's own NATS credentials */}}
{{- define "keyward.natsSecret" -}}
{{- $own := default dict (index .root.Values.nats.perService .facts.values) -}}
secret: {{ default .root.Values.nats.existingSecret $own.existingSecret }}
key: {{ default (printf "%s.creds" .name) $own.key }}
{{- end -}}

{{/* (dict "root" $ "name" service "facts" facts) → the sources of the service's projected volume */}}
{{- define "keyward.secretSources" -}}
{{- $values := .root.Values -}}
{{- $core := include "keyward.coreSecret" .root -}}
{{- $database := include "keyward.databaseSecret" . | fromYaml -}}
{{- $nats := include "keyward.natsSecret" . | fromYaml -}}
{{ include "keyward.secretSource" (dict "secret" $database.secret "key" $database.key "path" "database-url") }}
{{ include "keyward.secretSource" (dict "secret" $nats.secret "key" $nats.key "path" "nats.creds") }}
{{- if eq .name "gateway" }}
{{ include "keyward.secretSource" (dict "secret" $values.nats.existingSecret "key" $values.nats.agentsCredsKey "path" "nats-agents.creds") }}
{{- end }}
{{- if has .name (list "auth-service" "audit-service") }}
{{ include "keyward.secretSource" (dict "secret" $core "key" $values.secrets.keys.adminToken "path" "admin-token") }}
{{- end }}
{{- if eq .name "auth-service" }}
{{ include "keyward.secretSource" (dict "secret" $core "key" $values.secrets.keys.stateSecret "path" "state-secret") }}
{{ include "keyward.secretSource" (dict "secret" $values.nats.existingSecret "key" $values.nats.agentsSigningSeedKey "path" "agents-signing-seed") }}
{{- with $values.oidc }}
{{- if .issuer }}
{{ include "keyward.secretSource" (dict "secret" .existingSecret "key" .key "path" "oidc-client-secret") }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .facts.keys (eq $values.kms.kind "local") }}
{{ include "keyward.secretSource" (dict "secret" (default $core $values.kms.local.existingSecret) "key" $values.kms.local.key "path" "kms-key") }}
{{- end }}
{{- if eq .name "audit-service" }}
{{- if eq $values.audit.signing.kind "local" }}
{{ include "keyward.secretSource" (dict "secret" (default $core $values.audit.signing.local.existingSecret) "key" $values.audit.signing.local.key "path" "audit-signing-key") }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The names of key files that this service demands to be readable by nobody else, as a YAML list. */}}
{{- define "keyward.privateFiles" -}}
{{- if and .facts.keys (eq .root.Values.kms.kind "local") }}
- kms-key
{{- end }}
{{- if and (eq .name "audit-service") (eq .root.Values.audit.signing.kind "local") }}
- audit-signing-key
{{- end }}
{{- end -}}

{{/* {secret, key} of the logins that the migration makes; empty where somebody else makes them. */}}
{{- define "keyward.loginsSecret" -}}
{{- if and .Values.evaluation.createSecrets .Values.evaluation.database.host -}}
secret: {{ include "keyward.fullname" . }}-evaluation
key: database-logins
{{- else -}}
secret: {{ .Values.database.logins.existingSecret | quote }}
key: {{ .Values.database.logins.key }}
{{- end -}}
{{- end -}}
