{{/*
What is true of each service, whatever the values say. `reaches` is what its network policy lets it speak to, `keys` whether it opens
credentials and so needs the key management service. V8's settings are measured: room for young objects where there are many of them,
and a heap that may grow further before all of it is collected in the services that are busy.
*/}}
{{- define "keyward.services" -}}
gateway:
  values: gateway
  http: 8080
  keys: false
  connectors: true
  nodeFlags: [--max-semi-space-size=8, --heap-growing-percent=150]
auth-service:
  values: authService
  http: 8081
  keys: true
  connectors: true
  internet: true
  nodeFlags: [--max-semi-space-size=4, --heap-growing-percent=150]
token-refresher:
  values: tokenRefresher
  keys: true
  connectors: true
  internet: true
  stream: REFRESH
  consumer: token-refresher
  nodeFlags: [--max-semi-space-size=16]
tool-executor:
  values: toolExecutor
  keys: true
  connectors: true
  internet: true
  stream: EXECUTIONS
  consumer: tool-executor
  nodeFlags: [--max-semi-space-size=8, --heap-growing-percent=150]
audit-service:
  values: auditService
  http: 8082
  keys: false
  connectors: false
  nodeFlags: [--max-semi-space-size=4, --heap-growing-percent=150]
{{- end -}}

{{/* (dict "root" $ "facts" facts) → the defaults of every service with this one's own values over them */}}
{{- define "keyward.settings" -}}
{{- mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (index .root.Values .facts.values)) | toYaml -}}
{{- end -}}

{{/* (dict "root" $) → everything a template needs about each service: {services: [{name, facts, settings}]} */}}
{{- define "keyward.each" -}}
services:
{{- range $name, $facts := include "keyward.services" . | fromYaml }}
  - name: {{ $name }}
    facts:
      {{- toYaml $facts | nindent 6 }}
    settings:
      {{- include "keyward.settings" (dict "root" $.root "facts" $facts) | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "keyward.autoscaled" -}}
{{- if or .autoscaling.enabled .keda.enabled }}true{{ end -}}
{{- end -}}
