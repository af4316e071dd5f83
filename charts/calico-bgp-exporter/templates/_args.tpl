{{- /* What is collected: the daemon and `doctor` take these flags alike. What is left empty is left to the exporter's defaults. */ -}}
{{- define "cbe.collectArgs" -}}
{{- $v := .Values -}}
{{- $args := list -}}
{{- if not $v.bird.enabled -}}
{{- $args = append $args "--bird.socket=none" -}}
{{- else if $v.bird.sockets -}}
{{- range $v.bird.sockets }}{{ $args = append $args (printf "--bird.socket=%s" .) }}{{ end -}}
{{- else if ne $v.bird.directory "/var/run/calico" -}}
{{- range list "bird.ctl" "bird6.ctl" }}{{ $args = append $args (printf "--bird.socket=%s/%s" (trimSuffix "/" $v.bird.directory) .) }}{{ end -}}
{{- end -}}
{{- with $v.bird.timeout }}{{ $args = append $args (printf "--bird.timeout=%s" .) }}{{ end -}}
{{- range $v.pods.ipPools }}{{ $args = append $args (printf "--ip-pool=%s" .) }}{{ end -}}
{{- range $v.pods.cidrs }}{{ $args = append $args (printf "--pod-cidr=%s" .) }}{{ end -}}
{{- with $v.pods.expectedEncapsulation }}{{ $args = append $args (printf "--expected-encapsulation=%s" .) }}{{ end -}}
{{- if not (kindIs "invalid" $v.pods.limit) }}{{ $args = append $args (printf "--pod-cidr.limit=%d" (int64 $v.pods.limit)) }}{{ end -}}
{{- toYaml $args -}}
{{- end -}}

{{- /* All arguments of the daemon. */ -}}
{{- define "cbe.args" -}}
{{- $v := .Values -}}
{{- $args := include "cbe.collectArgs" . | fromYamlArray -}}
{{- if ne $v.bgp.peerDetail "all" }}{{ $args = append $args (printf "--bgp.peer-detail=%s" $v.bgp.peerDetail) }}{{ end -}}
{{- if $v.bgp.updateStats }}{{ $args = append $args "--bgp.update-stats" }}{{ end -}}
{{- if ne $v.pods.detail "all" }}{{ $args = append $args (printf "--pod-cidr.detail=%s" $v.pods.detail) }}{{ end -}}
{{- with $v.refreshInterval }}{{ $args = append $args (printf "--refresh-interval=%s" .) }}{{ end -}}
{{- $args = append $args (printf "--web.listen-address=%s" (include "cbe.listenAddress" .)) -}}
{{- if ne $v.web.telemetryPath "/metrics" }}{{ $args = append $args (printf "--web.telemetry-path=%s" $v.web.telemetryPath) }}{{ end -}}
{{- if include "cbe.webSecret" . }}{{ $args = append $args "--web.config.file=/etc/calico-bgp-exporter/web/web-config.yml" }}{{ end -}}
{{- if $v.sandbox }}{{ $args = append $args "--sandbox" }}{{ end -}}
{{- $args = concat $args (list (printf "--log.level=%s" $v.log.level) (printf "--log.format=%s" $v.log.format)) -}}
{{- $given := list -}}
{{- range $args }}{{ $given = append $given (splitList "=" . | first) }}{{ end -}}
{{- range $v.extraArgs -}}
{{- $flag := splitList "=" . | first -}}
{{- if and (has $flag $given) (not (has $flag (list "--bird.socket" "--ip-pool" "--pod-cidr" "--web.listen-address"))) -}}
{{- fail (printf "extraArgs: %s is set by a value of the chart: set that value instead" $flag) -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $args $v.extraArgs) -}}
{{- end -}}
