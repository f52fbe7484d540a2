{{/* (dict "to" peers "ports" [n]) → one egress rule; without peers to any address on these ports */}}
{{- define "keyward.egressRule" -}}
- ports:
    {{- range .ports }}
    - { protocol: TCP, port: {{ . | int64 }} }
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "keyward.egress.dns" -}}
- ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
  {{- with .Values.networkPolicy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "keyward.egress.postgres" -}}
{{- include "keyward.egressRule" .Values.networkPolicy.postgres }}
{{- end -}}

{{/* Providers are on the internet: everything but what is private, this node's metadata service first of all. A rule without peers would
     be the whole world, so there is none where no range is named. */}}
{{- define "keyward.egress.internet" -}}
{{- with .Values.networkPolicy.internet -}}
{{- $to := list -}}
{{- range .cidrs }}{{ $to = append $to (dict "ipBlock" (ternary (dict "cidr" .cidr) . (empty .except))) }}{{ end -}}
{{- include "keyward.egressRule" (dict "to" $to "ports" .ports) }}
{{- end }}
{{- end -}}

{{/* (dict "cidrs" [c] "ports" [n]) → one egress rule to private addresses that are named */}}
{{- define "keyward.egress.cidrs" -}}
{{- $to := list -}}
{{- range .cidrs }}{{ $to = append $to (dict "ipBlock" (dict "cidr" .)) }}{{ end -}}
{{- include "keyward.egressRule" (dict "to" $to "ports" .ports) }}
{{- end -}}

{{/* Which of the services that do not go to providers go to the internet all the same, for what the values switch on. */}}
{{- define "keyward.needsInternet" -}}
{{- $values := .root.Values -}}
{{- $policy := $values.networkPolicy -}}
{{- $objects := and (eq $values.objects.kind "s3") (empty $policy.objects.cidrs) -}}
{{- $anchors := and (eq $values.audit.anchor.kind "s3") (empty $policy.objects.cidrs) -}}
{{- $signing := and (eq $values.audit.signing.kind "aws") (empty $policy.kms.cidrs) -}}
{{- $forwards := and $values.audit.forward.existingSecret $values.audit.forward.internet -}}
{{- if .facts.internet }}true
{{- else if and (eq .name "gateway") $objects }}true
{{- else if and (eq .name "audit-service") (or $anchors $signing $forwards) }}true
{{- end -}}
{{- end -}}

{{/* Whether the service speaks to AWS, and so to KMS, S3 and the endpoint that gives pods their identity. */}}
{{- define "keyward.usesKms" -}}
{{- if and .facts.keys (eq .root.Values.kms.kind "aws") }}true
{{- else if and (eq .name "audit-service") (eq .root.Values.audit.signing.kind "aws") }}true
{{- end -}}
{{- end -}}

{{- define "keyward.usesS3" -}}
{{- if and (has .name (list "gateway" "tool-executor")) (eq .root.Values.objects.kind "s3") }}true
{{- else if and (eq .name "audit-service") (eq .root.Values.audit.anchor.kind "s3") }}true
{{- end -}}
{{- end -}}

{{- define "keyward.egress" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $kms := include "keyward.usesKms" . -}}
{{- $s3 := include "keyward.usesS3" . -}}
{{ include "keyward.egress.dns" .root }}
{{ include "keyward.egress.postgres" .root }}
{{ include "keyward.egressRule" $policy.nats }}
{{- if and (include "keyward.needsInternet" .) $policy.internet.cidrs }}
{{ include "keyward.egress.internet" .root }}
{{- end }}
{{- if and $kms $policy.kms.cidrs }}
{{ include "keyward.egress.cidrs" $policy.kms }}
{{- end }}
{{- if and $s3 $policy.objects.cidrs }}
{{ include "keyward.egress.cidrs" $policy.objects }}
{{- end }}
{{- if and $policy.podIdentity (or $kms $s3) }}
# EKS Pod Identity's agent on this node; with IAM roles for service accounts there is none.
{{ include "keyward.egress.cidrs" (dict "cidrs" (list "169.254.170.23/32" "fd00:ec2::23/128") "ports" (list 80)) }}
{{- end }}
{{- if .root.Values.telemetry.otlpEndpoint }}
{{ include "keyward.egressRule" $policy.otlp }}
{{- end }}
{{- with index $policy.extraEgress .facts.values }}
{{ toYaml . }}
{{- end }}
{{- end -}}
