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
{{- toYaml (concat $args ($v.extraArgs | default list)) -}}
{{- end -}}

{{- /* Flags that a value of the chart sets, and those that only extraArgs does. An unknown flag would make every pod crash. */ -}}
{{- define "cbe.flags" -}}
--bird.socket: bird.sockets
--bird.timeout: bird.timeout
--ip-pool: pods.ipPools
--pod-cidr: pods.cidrs
--pod-cidr.limit: pods.limit
--pod-cidr.detail: pods.detail
--expected-encapsulation: pods.expectedEncapsulation
--refresh-interval: refreshInterval
--bgp.peer-detail: bgp.peerDetail
--bgp.update-stats: bgp.updateStats
--web.telemetry-path: web.telemetryPath
--web.config.file: web.config
--sandbox: sandbox
--log.level: log.level
--log.format: log.format
--node-name: ""
--pod-cidr-file: ""
--web.listen-address: ""
{{- end -}}

{{- define "cbe.probeFlags" -}}
--probe.peers-dns: probe.enabled
--probe.listen-address: probe.port
--probe.fanout: probe.fanout
--probe.interval: probe.interval
--probe.detail: probe.detail
--probe.key-file: probe.existingKeySecret
--web.listen-address: probe.port
--log.level: log.level
--log.format: log.format
--sandbox: sandbox
--node-name: ""
--probe.node-address: ""
--probe.peer: ""
{{- end -}}

{{- /* Argument: dict name, args, flags, mounts (directories that end in a slash), port. */ -}}
{{- define "cbe.validateArgs" -}}
{{- $flags := include .flags . | fromYaml -}}
{{- range .args -}}
{{- $flag := splitList "=" . | first -}}
{{- $value := trimPrefix $flag . | trimPrefix "=" -}}
{{- if not (hasKey $flags $flag) -}}
{{- fail (printf "%s: %s is no flag of the exporter that can be given here; there are %s" $.name $flag (keys $flags | sortAlpha | join ", ")) -}}
{{- end -}}
{{- with get $flags $flag -}}
{{- fail (printf "%s: %s is set by a value of the chart: set %s instead" $.name $flag .) -}}
{{- end -}}
{{- if not $value -}}
{{- fail (printf "%s: %s lacks its value: write %s=VALUE" $.name $flag $flag) -}}
{{- end -}}
{{- if and (eq $flag "--pod-cidr-file") (not (include "cbe.under" (list (printf "%s/" $value) $.mounts))) -}}
{{- fail (printf "%s: %s is not in the container: mount it with extraVolumeMounts" $.name $value) -}}
{{- end -}}
{{- if and (eq $flag "--web.listen-address") (or (not (regexMatch "^.*:[0-9]+$" $value)) (hasSuffix (printf ":%s" $.port) $value)) -}}
{{- fail (printf "%s: %s=%s: write [HOST]:PORT with a port other than %s" $.name $flag $value $.port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
