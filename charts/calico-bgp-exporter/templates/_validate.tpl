{{- /* Values that would make every pod crash, never start or see nothing are refused here; what a type can say, the schema refuses. */ -}}
{{- define "cbe.validate" -}}
{{- $v := .Values -}}
{{- $web := $v.web -}}
{{- $mounts := list -}}
{{- range $v.extraVolumeMounts }}{{ $mounts = append $mounts (printf "%s/" (trimSuffix "/" (toString .mountPath))) }}{{ end -}}

{{- if and $web.config $web.existingConfigSecret -}}
{{- fail "web.config and web.existingConfigSecret: give one of them" -}}
{{- end -}}
{{- if and (or $web.https $web.authenticated) (not $web.existingConfigSecret) -}}
{{- fail "web.https and web.authenticated describe the file in web.existingConfigSecret: name that Secret, or use web.config" -}}
{{- end -}}
{{- range $key := list "cert_file" "key_file" "client_ca_file" -}}
{{- with get ($web.config.tls_server_config | default dict) $key -}}
{{- $own := and $web.tlsSecret (hasPrefix "/etc/calico-bgp-exporter/tls/" .) -}}
{{- if not (or $own (include "cbe.under" (list . $mounts))) -}}
{{- fail (printf "web.config.tls_server_config.%s: %s is not in the container: set web.tlsSecret (mounted at /etc/calico-bgp-exporter/tls) or mount it with extraVolumeMounts" $key .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.kubeRBACProxy.enabled (or $web.config $web.existingConfigSecret) -}}
{{- fail "kubeRBACProxy: the exporter behind the proxy speaks plain HTTP on 127.0.0.1: web.config and web.existingConfigSecret do not go with it" -}}
{{- end -}}
{{- if and $v.kubeRBACProxy.enabled (eq (int $web.port) (int $v.kubeRBACProxy.upstreamPort)) -}}
{{- fail "kubeRBACProxy.upstreamPort: must not be web.port" -}}
{{- end -}}
{{- if or (eq $web.telemetryPath "/") (hasPrefix "/-/" $web.telemetryPath) -}}
{{- fail (printf "web.telemetryPath: %s is taken; write a path such as /metrics" $web.telemetryPath) -}}
{{- end -}}

{{- if $v.bird.enabled -}}
{{- $directory := printf "%s/" (trimSuffix "/" $v.bird.directory) -}}
{{- range $v.bird.sockets -}}
{{- if not (include "cbe.under" (list . (append $mounts $directory))) -}}
{{- fail (printf "bird.sockets: %s is not under bird.directory (%s), so it is not in the container; set bird.directory" . $v.bird.directory) -}}
{{- end -}}
{{- end -}}
{{- $user := $v.securityContext.runAsUser | default $v.podSecurityContext.runAsUser | toString -}}
{{- $groups := list (toString $v.securityContext.runAsGroup) -}}
{{- range $v.podSecurityContext.supplementalGroups }}{{ $groups = append $groups (toString .) }}{{ end -}}
{{- if and (ne $user "0") (not (has "0" $groups)) -}}
{{- fail "securityContext: BIRD's socket is open to group 0 only: keep runAsGroup: 0" -}}
{{- end -}}
{{- end -}}
{{- if and $v.securityContext.runAsNonRoot (eq (toString $v.securityContext.runAsUser) "0") -}}
{{- fail "securityContext: runAsNonRoot and runAsUser: 0 exclude each other; the kubelet would start no pod" -}}
{{- end -}}

{{- include "cbe.validateDuration" (list "refreshInterval" $v.refreshInterval 1000 3600000) -}}
{{- include "cbe.validateDuration" (list "bird.timeout" $v.bird.timeout 50 10000) -}}
{{- range $v.pods.ipPools }}{{ include "cbe.validateCIDR" (list "pods.ipPools" .) }}{{ end -}}
{{- range $v.pods.cidrs -}}
{{- $cidr := splitList "=" . | first -}}
{{- include "cbe.validateCIDR" (list "pods.cidrs" $cidr) -}}
{{- if and (contains "=" .) (ne (contains ":" $cidr) (contains ":" (splitList "=" . | last))) -}}
{{- fail (printf "pods.cidrs: %s: CIDR and owner are of different IP versions" .) -}}
{{- end -}}
{{- end -}}

{{- if and (eq $v.updateStrategy.type "RollingUpdate") (has (toString $v.updateStrategy.rollingUpdate.maxUnavailable) (list "0" "0%" "00%" "000%")) -}}
{{- fail "updateStrategy.rollingUpdate.maxUnavailable: 0 allows no update: the port is the node's, so an old pod must end before the new one starts" -}}
{{- end -}}
{{- range $name := list "podMonitor" "serviceMonitor" -}}
{{- $m := get $v $name -}}
{{- if and $m.enabled $m.interval $m.scrapeTimeout (gt (include "cbe.milliseconds" $m.scrapeTimeout | int64) (include "cbe.milliseconds" $m.interval | int64)) -}}
{{- fail (printf "%s: scrapeTimeout %s is longer than interval %s: prometheus-operator refuses it" $name $m.scrapeTimeout $m.interval) -}}
{{- end -}}
{{- if and $m.enabled $m.basicAuth $m.authorization -}}
{{- fail (printf "%s: give basicAuth or authorization, not both" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $v.kubeRBACProxy.enabled $v.podMonitor.enabled (not $v.podMonitor.authorization) -}}
{{- fail "kubeRBACProxy: a PodMonitor cannot make Prometheus send its own token: use serviceMonitor, or put a token's Secret into podMonitor.authorization" -}}
{{- end -}}
{{- if and $v.prometheusRBAC.enabled (not $v.prometheusRBAC.serviceAccount.name) -}}
{{- fail "prometheusRBAC.serviceAccount: name Prometheus' service account and its namespace" -}}
{{- end -}}
{{- range $v.extraContainers -}}
{{- if has (toString .name) (list "exporter" "kube-rbac-proxy") -}}
{{- fail (printf "extraContainers: the name %s is taken" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* "true" where the path lies under one of the directories. Argument: list path, directories that end in a slash. */ -}}
{{- define "cbe.under" -}}
{{- $path := index . 0 -}}
{{- range index . 1 }}{{ if and (hasPrefix . $path) (not (contains "/../" $path)) }}true{{ end }}{{ end -}}
{{- end -}}

{{- /* Argument: list name, duration, least and most milliseconds. */ -}}
{{- define "cbe.validateDuration" -}}
{{- $ms := include "cbe.milliseconds" (index . 1) | int64 -}}
{{- if and (index . 1) (or (lt $ms (index . 2 | int64)) (gt $ms (index . 3 | int64))) -}}
{{- fail (printf "%s: %s is not between %dms and %ds" (index . 0) (index . 1) (index . 2 | int64) (div (index . 3) 1000)) -}}
{{- end -}}
{{- end -}}

{{- /* The exporter refuses a CIDR that is none or that has host bits. Argument: list name, CIDR. */ -}}
{{- define "cbe.validateCIDR" -}}
{{- $cidr := index . 1 -}}
{{- $length := splitList "/" $cidr | last | int -}}
{{- $address := splitList "/" $cidr | first -}}
{{- $groups := list -}}
{{- $width := 8 -}}
{{- if contains ":" $address -}}
{{- $width = 16 -}}
{{- $halves := splitList "::" $address -}}
{{- $left := without (splitList ":" (first $halves)) "" -}}
{{- $right := list -}}
{{- if gt (len $halves) 1 }}{{ $right = without (splitList ":" (last $halves)) "" }}{{ end -}}
{{- $missing := sub 8 (add (len $left) (len $right)) | int -}}
{{- if or (lt $missing 0) (gt (len $halves) 2) (and (eq (len $halves) 1) (ne $missing 0)) -}}
{{- fail (printf "%s: %s is not a CIDR" (index . 0) $cidr) -}}
{{- end -}}
{{- range $left }}{{ $groups = append $groups (printf "0x%s" .) }}{{ end -}}
{{- range until $missing }}{{ $groups = append $groups "0x0" }}{{ end -}}
{{- range $right }}{{ $groups = append $groups (printf "0x%s" .) }}{{ end -}}
{{- else -}}
{{- $groups = splitList "." $address -}}
{{- end -}}
{{- range $i, $group := $groups -}}
{{- $host := min $width (max 0 (sub (mul $width (add1 $i)) $length)) | int -}}
{{- $size := 1 -}}
{{- range until $host }}{{ $size = mul $size 2 }}{{ end -}}
{{- if ne (mod (int64 $group) $size) 0 -}}
{{- fail (printf "%s: %s has host bits set: write the network's own address" (index $ 0) $cidr) -}}
{{- end -}}
{{- end -}}
{{- end -}}
