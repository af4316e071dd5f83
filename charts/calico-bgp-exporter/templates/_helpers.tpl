{{- define "cbe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "cbe.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "cbe.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "cbe.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cbe.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cbe.labels" -}}
{{ include "cbe.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: exporter
app.kubernetes.io/part-of: calico
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Metadata of an object. Argument: dict root, name, namespace, labels, annotations. */ -}}
{{- define "cbe.metadata" -}}
{{- $root := .root -}}
name: {{ .name | default (include "cbe.fullname" $root) }}
namespace: {{ .namespace | default $root.Release.Namespace }}
labels:
  {{- $labels := include "cbe.labels" $root | fromYaml }}
  {{- toYaml (mergeOverwrite $labels (deepCopy (.labels | default dict))) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "cbe.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "cbe.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "cbe.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* The Secret with --web.config.file, empty when there is none. */ -}}
{{- define "cbe.webSecret" -}}
{{- if and .Values.web.config .Values.web.existingConfigSecret -}}
{{- fail "web.config and web.existingConfigSecret: give one of them" -}}
{{- end -}}
{{- if .Values.web.existingConfigSecret -}}
{{- .Values.web.existingConfigSecret -}}
{{- else if .Values.web.config -}}
{{- printf "%s-web" (include "cbe.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "cbe.scheme" -}}
{{- if or .Values.web.https .Values.web.config.tls_server_config -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{- /* "true" when a client without a certificate or password is turned away: the kubelet is such a client. */ -}}
{{- define "cbe.authenticated" -}}
{{- $tls := .Values.web.config.tls_server_config | default dict -}}
{{- if or .Values.web.authenticated .Values.web.config.basic_auth_users (has (toString $tls.client_auth_type) (list "RequireClientCert" "RequireAnyClientCert" "RequireAndVerifyClientCert")) -}}
true
{{- end -}}
{{- end -}}

{{- /* Argument: dict root, path. With client certificates or passwords the kubelet can only see that the port is open. */ -}}
{{- define "cbe.probe" -}}
{{- if include "cbe.authenticated" .root -}}
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
  scheme: {{ include "cbe.scheme" .root | upper }}
{{- end }}
{{- end -}}

{{- /* One endpoint of a PodMonitor or ServiceMonitor. Argument: dict root, monitor. */ -}}
{{- define "cbe.endpoint" -}}
{{- $m := .monitor -}}
port: metrics
path: {{ .root.Values.web.telemetryPath }}
scheme: {{ include "cbe.scheme" .root }}
{{- with $m.interval }}
interval: {{ . }}
{{- end }}
{{- with $m.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
# The exporter's own `node` label wins over one that the discovery puts on.
honorLabels: true
{{- with $m.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $m.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
relabelings:
  # `up` must name the node too, or an alert on a missing exporter could not.
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: node
    action: replace
  {{- with $m.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $m.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
