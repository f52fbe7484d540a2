{{/* Everything that must not be installed, each with what to do about it. All of it is told at once. */}}

{{- define "keyward.validate" -}}
{{- $problems := concat
  (include "keyward.problems.required" . | fromYamlArray)
  (include "keyward.problems.contradictions" . | fromYamlArray)
  (include "keyward.problems.production" . | fromYamlArray)
  (include "keyward.problems.crds" . | fromYamlArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\nKeyward cannot be installed with these values:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "keyward.problems.required" -}}
{{- with .Values }}
{{- if not .nats.url }}
- nats.url is missing. Set it to the address of your NATS servers, such as nats://nats.nats.svc:4222.
{{- end }}
{{- if not .nats.existingSecret }}
- nats.existingSecret is missing. `keyward install` makes it, see docs/install.md.
{{- end }}
{{- if not .publicUrls.auth }}
- publicUrls.auth is missing. Set it to the origin under which browsers and providers reach auth-service, such as https://connect.example.com.
{{- end }}
{{- if and (not .secrets.existingSecret) (not .evaluation.createSecrets) }}
- secrets.existingSecret is missing. It names the Secret with the admin token and the state secret; `keyward install` makes it.
{{- end }}
{{- if and .migrations.enabled (not .database.owner.existingSecret) }}
- database.owner.existingSecret is missing. The migration needs the URL of the database's owner, or set migrations.enabled=false and run it yourself.
{{- end }}
{{- if and (eq .kms.kind "aws") (not .kms.aws.keyId) }}
- kms.aws.keyId is missing. Set it to the ARN of a symmetric KMS key.
{{- end }}
{{- if and (eq .kms.kind "local") (not .kms.local.existingSecret) (not .evaluation.createSecrets) }}
- kms.local.existingSecret is missing. It names the Secret with the key file.
{{- end }}
{{- if and (eq .audit.signing.kind "aws") (not .audit.signing.aws.keyId) }}
- audit.signing.aws.keyId is missing. Set it to the ARN of an asymmetric KMS key for signing (ECC_NIST_P256).
{{- end }}
{{- if and (eq .audit.signing.kind "local") (not .audit.signing.local.existingSecret) (not .evaluation.createSecrets) }}
- audit.signing.local.existingSecret is missing. It names the Secret with an Ed25519 key as PEM.
{{- end }}
{{- range $name, $store := dict "objects" .objects "audit.anchor" .audit.anchor }}
{{- if and (eq $store.kind "s3") (not $store.s3.bucket) }}
- {{ $name }}.s3.bucket is missing. Set it to the name of a bucket.
{{- end }}
{{- if and (eq $store.kind "file") (not $store.file.existingClaim) }}
- {{ $name }}.file.existingClaim is missing. Set it to a PersistentVolumeClaim that every replica can mount (ReadWriteMany).
{{- end }}
{{- end }}
{{- if and .oidc.issuer (not (and .oidc.clientId .oidc.existingSecret)) }}
- oidc.issuer, oidc.clientId and oidc.existingSecret belong together. Set all three, or none.
{{- end }}
{{- if and .gatewayApi.enabled (not .gatewayApi.parentRefs) }}
- gatewayApi.parentRefs is missing. Name the Gateway that the routes belong to.
{{- end }}
{{- end }}
{{- end -}}

{{- define "keyward.problems.contradictions" -}}
{{- range (include "keyward.each" (dict "root" $) | fromYaml).services }}
{{- $key := .facts.values }}
{{- if and .settings.autoscaling.enabled .settings.keda.enabled }}
- {{ $key }}.autoscaling and {{ $key }}.keda are both enabled. Two autoscalers fight over one Deployment; keep one.
{{- end }}
{{- with .settings.autoscaling }}
{{- if and .enabled (gt (int64 .minReplicas) (int64 .maxReplicas)) }}
- {{ $key }}.autoscaling.minReplicas is above maxReplicas.
{{- end }}
{{- end }}
{{- with .settings.keda }}
{{- if and .enabled (gt (int64 .minReplicas) (int64 .maxReplicas)) }}
- {{ $key }}.keda.minReplicas is above maxReplicas.
{{- end }}
{{- end }}
{{- if and .settings.keda.enabled (not .facts.stream) }}
- {{ $key }}.keda is enabled, but {{ .name }} takes no work from a stream. Use {{ $key }}.autoscaling.
{{- end }}
{{- with .settings.keda }}
{{- if and .enabled (eq .trigger "prometheus") (not .prometheusAddress) }}
- {{ $key }}.keda.prometheusAddress is missing. Set it to the address of your Prometheus, such as http://prometheus.monitoring.svc:9090.
{{- end }}
{{- if and .enabled (eq .trigger "nats-jetstream") (not (and .natsMonitoringEndpoint .natsAccount)) }}
- {{ $key }}.keda.natsMonitoringEndpoint and natsAccount are needed by the trigger nats-jetstream.
{{- end }}
{{- end }}
{{- $own := dict "root" $ "name" .name "facts" .facts "settings" dict }}
{{- $taken := list }}
{{- if .settings.extraEnv }}{{ range include "keyward.environment" $own | fromYamlArray }}{{ $taken = append $taken .name }}{{ end }}{{ end }}
{{- range $label := keys .settings.podLabels | sortAlpha }}
{{- if hasPrefix "app.kubernetes.io/" $label }}
- {{ $key }}.podLabels holds {{ $label }}, which the chart's selectors and network policies use.
{{- end }}
{{- end }}
{{- range .settings.nodeFlags }}
{{- if hasPrefix "--inspect" . }}
- {{ $key }}.nodeFlags holds {{ . }}. A debugger can read every credential that the service opens.
{{- end }}
{{- end }}
{{- range .settings.extraEnv }}
{{- if has .name (list "KEYWARD_DATABASE_URL" "KEYWARD_ADMIN_TOKEN" "KEYWARD_STATE_SECRET" "KEYWARD_AGENTS_SIGNING_SEED" "KEYWARD_OIDC_CLIENT_SECRET" "KEYWARD_DATABASE_LOGINS") }}
- {{ $key }}.extraEnv holds {{ .name }}. A secret in the environment can be read by whoever may see pods; it comes from a Secret, as a file.
{{- end }}
{{- if and .value (has .name (list "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN" "OTEL_EXPORTER_OTLP_HEADERS")) }}
- {{ $key }}.extraEnv holds {{ .name }} as plain text. Take it from a Secret with valueFrom, or better from the pod's own identity.
{{- end }}
{{- if has .name $taken }}
- {{ $key }}.extraEnv holds {{ .name }}, which the chart sets from its own values. Change those.
{{- end }}
{{- if eq .name "NODE_TLS_REJECT_UNAUTHORIZED" }}
- {{ $key }}.extraEnv holds NODE_TLS_REJECT_UNAUTHORIZED, which would send tokens to whoever answers. Name your CA in trustedCa.
{{- end }}
{{- end }}
{{- end }}
{{- with .Values }}
{{- range $name, $url := dict "nats.url" .nats.url "nats.agentsUrl" .nats.agentsUrl "nats.publicUrl" .nats.publicUrl }}
{{- if regexMatch "//[^/]*@" (default "" $url) }}
- {{ $name }} holds a user or a password. Services and agents sign in with their credentials files; leave it out.
{{- end }}
{{- end }}
{{- range $name, $url := dict "telemetry.otlpEndpoint" .telemetry.otlpEndpoint "kms.aws.endpoint" .kms.aws.endpoint "audit.signing.aws.endpoint" .audit.signing.aws.endpoint "objects.s3.endpoint" .objects.s3.endpoint "audit.anchor.s3.endpoint" .audit.anchor.s3.endpoint "egress.privateOrigins" (join " " .egress.privateOrigins) }}
{{- if regexMatch "//[^/ ]*@" (default "" $url) }}
- {{ $name }} holds a user or a password, which everybody who may see pods could read. Leave it out.
{{- end }}
{{- end }}
{{- range $label := keys .commonLabels | sortAlpha }}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (eq $label "helm.sh/chart") }}
- commonLabels holds {{ $label }}, which the chart sets itself.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What is fine to try things on, and a hole in production. Each has a name by which `acceptedRisks` lets it pass. */}}
{{- define "keyward.problems.production" -}}
{{- if .Values.production }}
{{- $accepted := .Values.acceptedRisks }}
{{- $found := dict }}
{{- with .Values }}
{{- if eq .kms.kind "local" }}{{ $_ := set $found "local-kms" "kms.kind is local: whoever reads one Secret can open every credential. Use kms.kind=aws" }}{{ end }}
{{- if .evaluation.createSecrets }}{{ $_ := set $found "chart-made-secrets" "evaluation.createSecrets: secrets that Helm makes lie in its release history. Use secrets.existingSecret" }}{{ end }}
{{- if and (not .image.digest) (has .image.tag (list "latest" "main" "edge")) }}{{ $_ := set $found "floating-image" (printf "image.tag is %s, which is another image tomorrow. Name a version, or a digest" .image.tag) }}{{ end }}
{{- if hasPrefix "http://" .publicUrls.auth }}{{ $_ := set $found "plain-http" "publicUrls.auth is plain http: authorization codes and sessions would cross the network in the clear. Use https" }}{{ end }}
{{- if lt (int64 .nats.streamReplicas) 3 }}{{ $_ := set $found "stream-replicas" "nats.streamReplicas is below 3: calls that were accepted are lost with one server. Use 3 servers and 3" }}{{ end }}
{{- if eq .objects.kind "file" }}{{ $_ := set $found "file-objects" "objects.kind is file. Use s3" }}{{ end }}
{{- if not .audit.signing.kind }}{{ $_ := set $found "unsigned-audit" "audit.signing.kind is empty: whoever owns the database could rewrite the trail unseen. Use aws" }}{{ end }}
{{- if eq .audit.signing.kind "local" }}{{ $_ := set $found "local-signing" "audit.signing.kind is local: whoever reads one Secret can sign a trail of his own. Use aws" }}{{ end }}
{{- if or (eq (toString .podSecurityContext.runAsUser) "0") (not .podSecurityContext.runAsNonRoot) }}{{ $_ := set $found "root" "podSecurityContext lets the services run as root. They need no right that root has" }}{{ end }}
{{- if not .networkPolicy.enabled }}{{ $_ := set $found "open-network" "networkPolicy.enabled is false: a service that was taken over could speak to anything" }}{{ end }}
{{- range .egress.privateOrigins }}
{{- if hasPrefix "http://" . }}{{ $_ := set $found "plain-http-provider" (printf "egress.privateOrigins holds %s: tokens would cross the network in the clear. Use https" .) }}{{ end }}
{{- end }}
{{- end }}
{{- range (include "keyward.each" (dict "root" $) | fromYaml).services }}
{{- if and (not (include "keyward.autoscaled" .settings)) (lt (int64 .settings.replicas) 2) }}
{{- $_ := set $found "single-replica" (printf "%s.replicas is %d: a node that is drained takes the service with it. Use 2 or more" .facts.values (int64 .settings.replicas)) }}
{{- end }}
{{- $service := .facts.values }}
{{- range $scaler, $settings := pick .settings "autoscaling" "keda" }}
{{- if and $settings.enabled (lt (int64 $settings.minReplicas) 2) }}
{{- $_ := set $found "single-replica" (printf "%s.%s.minReplicas is %d: a node that is drained takes the service with it. Use 2 or more" $service $scaler (int64 $settings.minReplicas)) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $risk, $why := $found }}
{{- if not (has $risk $accepted) }}
- {{ printf "%s. (Refused because production is true. To accept it, knowingly: acceptedRisks: [%s])" $why $risk | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "keyward.problems.crds" -}}
{{- if .Values.crdCheck }}
{{- $wanted := dict }}
{{- with .Values.metrics }}
{{- if .podMonitor.enabled }}{{ $_ := set $wanted "metrics.podMonitor.enabled" "monitoring.coreos.com/v1" }}{{ end }}
{{- if .prometheusRule.enabled }}{{ $_ := set $wanted "metrics.prometheusRule.enabled" "monitoring.coreos.com/v1" }}{{ end }}
{{- end }}
{{- if .Values.gatewayApi.enabled }}{{ $_ := set $wanted "gatewayApi.enabled" "gateway.networking.k8s.io/v1" }}{{ end }}
{{- range (include "keyward.each" (dict "root" $) | fromYaml).services }}
{{- if .settings.keda.enabled }}{{ $_ := set $wanted (printf "%s.keda.enabled" .facts.values) "keda.sh/v1alpha1" }}{{ end }}
{{- end }}
{{- range $setting, $api := $wanted }}
{{- if not ($.Capabilities.APIVersions.Has $api) }}
- {{ printf "%s needs the API %s, which this cluster does not have. Install its operator first, or set %s=false. Rendering without a cluster: --api-versions %s, or crdCheck=false." $setting $api $setting $api | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
