{{- /* What to look at: the daemon and `doctor` take these alike. What is left empty is left to the exporter's own defaults. */ -}}
{{- define "cbe.lookArgs" -}}
{{- $v := .Values -}}
{{- if not $v.bird.enabled }}
- --bird.socket=none
{{- else if $v.bird.sockets }}
{{- range $v.bird.sockets }}
- --bird.socket={{ . }}
{{- end }}
{{- else if ne $v.bird.directory "/var/run/calico" }}
- --bird.socket={{ $v.bird.directory }}/bird.ctl
- --bird.socket={{ $v.bird.directory }}/bird6.ctl
{{- end }}
{{- with $v.bird.timeout }}
- --bird.timeout={{ . }}
{{- end }}
{{- range $v.pods.ipPools }}
- --ip-pool={{ . }}
{{- end }}
{{- range $v.pods.cidrs }}
- --pod-cidr={{ . }}
{{- end }}
{{- with $v.pods.expectedEncapsulation }}
- --expected-encapsulation={{ . }}
{{- end }}
{{- if not (kindIs "invalid" $v.pods.limit) }}
- --pod-cidr.limit={{ int $v.pods.limit }}
{{- end }}
{{- end -}}

{{- /* All arguments of the daemon. */ -}}
{{- define "cbe.args" -}}
{{- $v := .Values -}}
{{- include "cbe.lookArgs" . }}
{{- if ne $v.bgp.peerDetail "all" }}
- --bgp.peer-detail={{ $v.bgp.peerDetail }}
{{- end }}
{{- if $v.bgp.updateStats }}
- --bgp.update-stats
{{- end }}
{{- if ne $v.pods.detail "all" }}
- --pod-cidr.detail={{ $v.pods.detail }}
{{- end }}
{{- with $v.refreshInterval }}
- --refresh-interval={{ . }}
{{- end }}
{{- if eq $v.web.listen "node-ipv4" }}
- --web.listen-address=$(HOST_IP):{{ int $v.web.port }}
{{- else if eq $v.web.listen "node-ipv6" }}
- --web.listen-address=[$(HOST_IP)]:{{ int $v.web.port }}
{{- else }}
- --web.listen-address=:{{ int $v.web.port }}
{{- end }}
{{- if ne $v.web.telemetryPath "/metrics" }}
- --web.telemetry-path={{ $v.web.telemetryPath }}
{{- end }}
{{- if include "cbe.webSecret" . }}
- --web.config.file=/etc/calico-bgp-exporter/web/web-config.yml
{{- end }}
- --log.level={{ $v.log.level }}
- --log.format={{ $v.log.format }}
{{- range $v.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}
