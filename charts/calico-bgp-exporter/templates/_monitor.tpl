{{- /* What PodMonitor and ServiceMonitor have in common beside the endpoint. Argument: dict root, monitor. */ -}}
{{- define "cbe.monitorSpec" -}}
{{- $m := .monitor -}}
jobLabel: {{ $m.jobLabel | quote }}
selector:
  matchLabels:
    {{- include "cbe.selectorLabels" (dict "root" .root) | nindent 4 }}
{{- if ne (toString ($m.namespace | default (include "cbe.namespace" .root))) (include "cbe.namespace" .root) }}
namespaceSelector:
  matchNames:
    - {{ include "cbe.namespace" .root | quote }}
{{- end }}
{{- with $m.podTargetLabels }}
podTargetLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $m.attachMetadata }}
attachMetadata:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range list "sampleLimit" "targetLimit" "labelLimit" "labelNameLengthLimit" "labelValueLengthLimit" }}
{{- if get $m . }}
{{ . }}: {{ get $m . | int64 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* One endpoint of a PodMonitor or ServiceMonitor. Argument: dict root, monitor. */ -}}
{{- define "cbe.endpoint" -}}
{{- $m := .monitor -}}
{{- $v := .root.Values -}}
port: metrics
path: {{ $v.web.telemetryPath | quote }}
scheme: {{ include "cbe.scheme" .root }}
{{- with $m.interval }}
interval: {{ . }}
{{- end }}
{{- with $m.scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
# The exporter's own `node` label wins over one that the discovery puts on.
honorLabels: true
{{- with $m.params }}
params:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $tls := $m.tlsConfig }}
{{- if and $v.kubeRBACProxy.enabled (not $tls) (not $v.web.tlsSecret) }}
# kube-rbac-proxy signs its certificate itself.
{{- $tls = dict "insecureSkipVerify" true }}
{{- end }}
{{- with $tls }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $m.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $m.authorization }}
authorization:
  {{- toYaml $m.authorization | nindent 2 }}
{{- else if and $v.kubeRBACProxy.enabled (not $m.basicAuth) }}
# Prometheus' own token: kube-rbac-proxy asks Kubernetes what it may read.
bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
{{- end }}
relabelings:
  # `up` must name the node too, or an alert on a missing exporter could not.
  - sourceLabels: [__meta_kubernetes_pod_node_name]
    targetLabel: node
    action: replace
  {{- with $v.clusterName }}
  - targetLabel: {{ $v.prometheusRule.clusterLabel | quote }}
    replacement: {{ . | replace "$" "$$" | quote }}
    action: replace
  {{- end }}
  {{- with $m.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $m.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
