{{/* What the restricted Pod Security Standard asks of a container, and a file system that nothing can be left on. */}}
{{- define "keyward.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Between two things that happen at once: the pod leaves the endpoints, and is told to stop. */}}
{{- define "keyward.gracePeriodSeconds" -}}
{{- add .Values.preStopSeconds (div (add (int64 .Values.drainTimeoutMs) 999) 1000) 10 -}}
{{- end -}}

{{- define "keyward.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: ops }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: ops }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
# Its checks of dependencies answer within 2 s. A dependency that is away makes a pod unready, and never restarts it.
readinessProbe:
  httpGet: { path: /readyz, port: ops }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{- define "keyward.podVolumes" -}}
{{- $values := .root.Values -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- include "keyward.secretSources" . | nindent 6 }}
- name: tmp
  emptyDir: { sizeLimit: 16Mi }
{{- if include "keyward.privateFiles" . | trim }}
- name: private
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- end }}
{{- if $values.trustedCa.existingConfigMap }}
- name: ca
  configMap:
    name: {{ $values.trustedCa.existingConfigMap }}
{{- end }}
{{- if .facts.connectors }}
{{- range $values.connectors.extra }}
- name: connector-{{ .name | replace "_" "-" }}
  configMap:
    name: {{ .configMap }}
{{- end }}
{{- end }}
{{- range include "keyward.stores" . | fromYamlArray }}
- name: {{ .volume }}
  persistentVolumeClaim:
    claimName: {{ .claim }}
{{- end }}
{{- if eq .name "audit-service" }}
{{- with $values.audit.forward.existingSecret }}
- name: forward
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with $values.audit.signing.previousKeys.existingConfigMap }}
- name: previous-keys
  configMap:
    name: {{ . }}
{{- end }}
{{- end }}
{{- with .settings.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Stores that are directories, of this service: [{volume, claim, mountPath}] */}}
{{- define "keyward.stores" -}}
{{- with .root.Values.objects }}
{{- if and (eq .kind "file") (has $.name (list "gateway" "tool-executor")) }}
- { volume: objects, claim: {{ .file.existingClaim | quote }}, mountPath: {{ .file.mountPath | quote }} }
{{- end }}
{{- end }}
{{- with .root.Values.audit.anchor }}
{{- if and (eq .kind "file") (eq $.name "audit-service") }}
- { volume: anchors, claim: {{ .file.existingClaim | quote }}, mountPath: {{ .file.mountPath | quote }} }
{{- end }}
{{- end }}
{{- end -}}

{{- define "keyward.podMounts" -}}
{{- $values := .root.Values -}}
- name: secrets
  mountPath: {{ include "keyward.secretsDir" . }}
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if include "keyward.privateFiles" . | trim }}
- name: private
  mountPath: {{ include "keyward.privateDir" . }}
  readOnly: true
{{- end }}
{{- if $values.trustedCa.existingConfigMap }}
- name: ca
  mountPath: /etc/keyward/ca
  readOnly: true
{{- end }}
{{- if .facts.connectors }}
{{- range $values.connectors.extra }}
- name: connector-{{ .name | replace "_" "-" }}
  mountPath: {{ $values.connectors.dir }}/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}
{{- range include "keyward.stores" . | fromYamlArray }}
- name: {{ .volume }}
  mountPath: {{ .mountPath }}
{{- end }}
{{- if eq .name "audit-service" }}
{{- if $values.audit.forward.existingSecret }}
- name: forward
  mountPath: /etc/keyward/forward
  readOnly: true
{{- end }}
{{- if $values.audit.signing.previousKeys.existingConfigMap }}
- name: previous-keys
  mountPath: /etc/keyward/previous-keys
  readOnly: true
{{- end }}
{{- end }}
{{- with .settings.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Key files in a Secret belong to root and a group; services refuse a key that others than they themselves can read. */}}
{{- define "keyward.privateFilesContainer" -}}
{{- $files := include "keyward.privateFiles" . | fromYamlArray -}}
{{- if $files }}
- name: own-key-files
  image: {{ include "keyward.image" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [node, --eval]
  args:
    - |
      const { readFileSync, writeFileSync } = require('node:fs');
      for (const name of {{ toJson $files }}) {
        writeFileSync(`{{ include "keyward.privateDir" . }}/${name}`, readFileSync(`{{ include "keyward.secretsDir" . }}/${name}`), { mode: 0o600 });
      }
  securityContext:
    {{- include "keyward.containerSecurity" . | nindent 4 }}
  resources:
    requests: { cpu: 10m, memory: 64Mi }
    limits: { memory: 128Mi }
  volumeMounts:
    - name: secrets
      mountPath: {{ include "keyward.secretsDir" . }}
      readOnly: true
    - name: private
      mountPath: {{ include "keyward.privateDir" . }}
{{- end }}
{{- end -}}

{{- define "keyward.spread" -}}
{{- $labels := include "keyward.selectorLabels" (dict "root" .root "component" .name) -}}
{{- if .settings.topologySpreadConstraints }}
{{- range .settings.topologySpreadConstraints }}
{{- $own := . }}
- {{ toYaml . | nindent 2 | trim }}
  {{- if not (hasKey $own "labelSelector") }}
  labelSelector:
    matchLabels:
      {{- $labels | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "name" service "facts" facts "settings" settings) → the pod template of one service */}}
{{- define "keyward.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "keyward.labels" (dict "root" .root "component" .name) | nindent 4 }}
    {{- with .settings.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .name }}
    {{- with .settings.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "keyward.serviceAccountName" (dict "root" .root "name" .name "account" .settings.serviceAccount) }}
  # No service asks the Kubernetes API anything. A cloud's workload identity mounts a token of its own.
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "keyward.gracePeriodSeconds" .root }}
  securityContext:
    {{- toYaml $values.podSecurityContext | nindent 4 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with include "keyward.privateFilesContainer" . | trim }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "keyward.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [node]
      args:
        {{- range (default .facts.nodeFlags .settings.nodeFlags) }}
        - {{ . | quote }}
        {{- end }}
        - apps/{{ .name }}/dist/main.js
      env:
        {{- include "keyward.environment" . | trim | nindent 8 }}
      ports:
        {{- if .facts.http }}
        - { name: http, containerPort: {{ .facts.http | int64 }}, protocol: TCP }
        {{- end }}
        - { name: ops, containerPort: 9100, protocol: TCP }
      {{- include "keyward.probes" . | nindent 6 }}
      lifecycle:
        preStop:
          sleep: { seconds: {{ $values.preStopSeconds | int64 }} }
      securityContext:
        {{- include "keyward.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .settings.resources | nindent 8 }}
      volumeMounts:
        {{- include "keyward.podMounts" . | nindent 8 }}
    {{- with .settings.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "keyward.podVolumes" . | nindent 4 }}
  {{- with include "keyward.spread" . | trim }}
  topologySpreadConstraints:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .settings.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .settings.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .settings.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .settings.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end -}}
