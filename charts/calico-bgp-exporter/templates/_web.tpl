{{- /* The Secret with --web.config.file, empty when there is none. */ -}}
{{- define "cbe.webSecret" -}}
{{- if .Values.web.existingConfigSecret -}}
{{- .Values.web.existingConfigSecret -}}
{{- else if .Values.web.config -}}
{{- printf "%s-web" (include "cbe.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- /* What a scraper must speak. */ -}}
{{- define "cbe.scheme" -}}
{{- if or .Values.kubeRBACProxy.enabled .Values.web.https (.Values.web.config | default dict).tls_server_config -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{- /* "true" when the exporter refuses a client without a certificate or password: the kubelet is such a client. */ -}}
{{- define "cbe.authenticated" -}}
{{- $config := .Values.web.config | default dict -}}
{{- $tls := $config.tls_server_config | default dict -}}
{{- $demand := list "RequireClientCert" "RequireAnyClientCert" "RequireAndVerifyClientCert" -}}
{{- if or .Values.web.authenticated $config.basic_auth_users (has (toString $tls.client_auth_type) $demand) -}}
true
{{- end -}}
{{- end -}}

{{- /* "true" when the exporter itself listens on 127.0.0.1 only. */ -}}
{{- define "cbe.loopback" -}}
{{- if or .Values.kubeRBACProxy.enabled (eq .Values.web.listen "loopback") }}true{{ end -}}
{{- end -}}

{{- /* The exporter's own port: another than the scraped one where the proxy stands in front. */ -}}
{{- define "cbe.port" -}}
{{- if .Values.kubeRBACProxy.enabled }}{{ int .Values.kubeRBACProxy.upstreamPort }}{{ else }}{{ int .Values.web.port }}{{ end -}}
{{- end -}}

{{- define "cbe.listenAddress" -}}
{{- $host := get (dict "all" "" "node-ipv4" "$(HOST_IP)" "node-ipv6" "[$(HOST_IP)]" "loopback" "127.0.0.1") .Values.web.listen -}}
{{- if .Values.kubeRBACProxy.enabled }}{{ $host = "127.0.0.1" }}{{ end -}}
{{- printf "%s:%s" $host (include "cbe.port" .) -}}
{{- end -}}

{{- /* One probe. Argument: dict root, path, probe. With client certificates or passwords the kubelet can only see that the port is open. */ -}}
{{- define "cbe.probe" -}}
{{- $loopback := include "cbe.loopback" .root -}}
{{- if include "cbe.authenticated" .root -}}
tcpSocket:
{{- else -}}
httpGet:
  path: {{ .path | quote }}
  scheme: {{ if .root.Values.kubeRBACProxy.enabled }}HTTP{{ else }}{{ include "cbe.scheme" .root | upper }}{{ end }}
{{- end }}
  {{- if $loopback }}
  # The kubelet is on the same network: it reaches the loopback address too.
  host: "127.0.0.1"
  port: {{ include "cbe.port" .root }}
  {{- else }}
  port: metrics
  {{- end }}
{{ omit .probe "enabled" | toYaml }}
{{- end -}}
