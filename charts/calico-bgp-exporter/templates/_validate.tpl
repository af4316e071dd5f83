{{- /* Values that would make every pod crash, never start or see nothing are refused here; what a type can say, the schema refuses. */ -}}
{{- define "cbe.validate" -}}
{{- $v := .Values -}}
{{- $web := $v.web -}}
{{- $pod := $v.podSecurityContext | default dict -}}
{{- $container := $v.securityContext | default dict -}}
{{- $user := get (hasKey $container "runAsUser" | ternary $container $pod) "runAsUser" | toString -}}
{{- $mounts := list -}}
{{- range $v.extraVolumeMounts }}{{ $mounts = append $mounts (printf "%s/" (trimSuffix "/" (toString .mountPath))) }}{{ end -}}

{{- if and $web.config $web.existingConfigSecret -}}
{{- fail "web.config and web.existingConfigSecret: give one of them" -}}
{{- end -}}
{{- if and (or $web.https $web.authenticated) (not $web.existingConfigSecret) -}}
{{- fail "web.https and web.authenticated describe the file in web.existingConfigSecret: name that Secret, or use web.config" -}}
{{- end -}}
{{- range $key := list "cert_file" "key_file" "client_ca_file" -}}
{{- with get (($web.config | default dict).tls_server_config | default dict) $key -}}
{{- $own := and $web.tlsSecret (hasPrefix "/etc/calico-bgp-exporter/tls/" .) -}}
{{- if not (or $own (include "cbe.under" (list (printf "%s/" .) $mounts))) -}}
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
{{- if or (hasPrefix "/-/" $web.telemetryPath) (hasPrefix "/api/" $web.telemetryPath) (not (regexMatch "^(/[A-Za-z0-9._~!&*+,;=:@%-]+)+$" $web.telemetryPath)) (regexMatch "/[.][.]?(/|$)" $web.telemetryPath) -}}
{{- fail (printf "web.telemetryPath: %s is taken or no path: write one such as /metrics" $web.telemetryPath) -}}
{{- end -}}

{{- $config := $web.config | default dict -}}
{{- if hasKey $config "tls_server_config" -}}
{{- include "cbe.validateTLS" $config.tls_server_config -}}
{{- else if and $web.tlsSecret (not $web.existingConfigSecret) (not $v.kubeRBACProxy.enabled) -}}
{{- fail "web.tlsSecret: nothing uses it, the exporter would speak plain HTTP: set web.config.tls_server_config (examples/hardened.yaml)" -}}
{{- end -}}
{{- if and $v.kubeRBACProxy.enabled (not (or $v.kubeRBACProxy.image.tag $v.kubeRBACProxy.image.digest)) -}}
{{- fail "kubeRBACProxy.image: give a tag or a digest" -}}
{{- end -}}
{{- include "cbe.validatePod" . -}}
{{- include "cbe.validateArgs" (dict "name" "extraArgs" "args" $v.extraArgs "flags" "cbe.flags" "mounts" $mounts "port" (include "cbe.port" .)) -}}
{{- if $v.probe.enabled -}}
{{- include "cbe.validateArgs" (dict "name" "probe.extraArgs" "args" $v.probe.extraArgs "flags" "cbe.probeFlags") -}}
{{- include "cbe.validateDuration" (list "probe.interval" ($v.probe.interval | default "0s") 1000 60000) -}}
{{- end -}}

{{- if and $v.bird.sockets (not $v.bird.enabled) -}}
{{- fail "bird.sockets: bird.enabled is false, so none is read: leave out one of the two" -}}
{{- end -}}
{{- if $v.bird.enabled -}}
{{- if or (regexMatch "(^|/)[.][.]?(/|$)|//" $v.bird.directory) (regexMatch "^/?$|^/(usr|etc|proc|sys|dev)(/|$)" $v.bird.directory) -}}
{{- fail (printf "bird.directory: %s cannot be mounted over what the container has there: write the directory that holds bird.ctl, such as /var/run/calico" $v.bird.directory) -}}
{{- end -}}
{{- $directory := printf "%s/" (trimSuffix "/" $v.bird.directory) -}}
{{- range $v.bird.sockets -}}
{{- if not (include "cbe.under" (list . (append $mounts $directory))) -}}
{{- fail (printf "bird.sockets: %s is not under bird.directory (%s), so it is not in the container; set bird.directory" . $v.bird.directory) -}}
{{- end -}}
{{- end -}}
{{- $groups := list (toString $container.runAsGroup) -}}
{{- range $pod.supplementalGroups }}{{ $groups = append $groups (toString .) }}{{ end -}}
{{- if and (ne $user "0") (not (has "0" $groups)) -}}
{{- fail "securityContext: BIRD's socket is open to group 0 only: keep runAsGroup: 0" -}}
{{- end -}}
{{- end -}}
{{- if and (get (hasKey $container "runAsNonRoot" | ternary $container $pod) "runAsNonRoot") (eq $user "0") -}}
{{- fail "securityContext: runAsNonRoot and runAsUser: 0 exclude each other; the kubelet would start no pod" -}}
{{- end -}}

{{- include "cbe.validateDuration" (list "refreshInterval" $v.refreshInterval 1000 3600000) -}}
{{- include "cbe.validateDuration" (list "bird.timeout" $v.bird.timeout 50 10000) -}}
{{- range $v.pods.ipPools }}{{ include "cbe.validateCIDR" (list "pods.ipPools" .) }}{{ end -}}
{{- range $v.pods.cidrs -}}
{{- $cidr := splitList "=" . | first -}}
{{- include "cbe.validateCIDR" (list "pods.cidrs" $cidr) -}}
{{- if contains "=" . -}}
{{- $owner := trimPrefix (printf "%s=" $cidr) . -}}
{{- $wrong := printf "pods.cidrs: %s: the owner is a node address, such as 10.233.64.0/26=10.0.0.7" . -}}
{{- include "cbe.validateCIDR" (list "pods.cidrs" (printf "%s/%s" $owner (contains ":" $owner | ternary "128" "32")) $wrong) -}}
{{- if ne (contains ":" $cidr) (contains ":" $owner) -}}
{{- fail (printf "pods.cidrs: %s: CIDR and owner are of different IP versions" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- if and (eq $v.updateStrategy.type "RollingUpdate") (has (toString ($v.updateStrategy.rollingUpdate | default dict).maxUnavailable) (list "0" "0%" "00%" "000%")) -}}
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
{{- if and $v.prometheusRBAC.enabled (not (and $v.prometheusRBAC.serviceAccount.name $v.prometheusRBAC.serviceAccount.namespace)) -}}
{{- fail "prometheusRBAC.serviceAccount: name Prometheus' service account and its namespace" -}}
{{- end -}}
{{- $own := list "node" "job" "instance" "cidr" "peer_address" "bird" "device" -}}
{{- if or (hasPrefix "__" $v.prometheusRule.clusterLabel) (has $v.prometheusRule.clusterLabel $own) -}}
{{- fail (printf "prometheusRule.clusterLabel: %s is a label that the series have already: write the one that names the cluster" $v.prometheusRule.clusterLabel) -}}
{{- end -}}
{{- end -}}

{{- /* Names and paths that a pod may have once only, and volumes that mounts ask for. */ -}}
{{- define "cbe.validatePod" -}}
{{- $v := .Values -}}
{{- $names := list "exporter" "kube-rbac-proxy" -}}
{{- range $key := list "extraContainers" "extraInitContainers" -}}
{{- range get $v $key | default list -}}
{{- if has .name $names }}{{ fail (printf "%s: the name %s is taken" $key .name) }}{{ end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
{{- $variables := list "NODE_NAME" "HOST_IP" -}}
{{- range $v.extraEnv -}}
{{- if has .name $variables }}{{ fail (printf "extraEnv: %s is set already (the node's name: extraArgs with --node-name)" .name) }}{{ end -}}
{{- $variables = append $variables .name -}}
{{- end -}}
{{- $volumes := list "bird" "web-config" "tls" "token" -}}
{{- range $v.extraVolumes -}}
{{- if has .name $volumes }}{{ fail (printf "extraVolumes: the name %s is taken" .name) }}{{ end -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- $paths := list "/etc/calico-bgp-exporter/web" "/etc/calico-bgp-exporter/tls" -}}
{{- if $v.bird.enabled }}{{ $paths = append $paths (trimSuffix "/" $v.bird.directory) }}{{ end -}}
{{- $extra := list -}}
{{- range $v.extraVolumes }}{{ $extra = append $extra .name }}{{ end -}}
{{- range $v.extraVolumeMounts -}}
{{- if not (has .name $extra) }}{{ fail (printf "extraVolumeMounts: there is no volume %s in extraVolumes" .name) }}{{ end -}}
{{- $path := trimSuffix "/" .mountPath -}}
{{- if or (has $path $paths) (regexMatch "^(/usr(/bin)?)?$" $path) }}{{ fail (printf "extraVolumeMounts: %s is taken: mount elsewhere" .mountPath) }}{{ end -}}
{{- $paths = append $paths $path -}}
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

{{- /* The exporter refuses a CIDR that is none or that has host bits. Argument: list name, CIDR, and perhaps what to say. */ -}}
{{- define "cbe.validateCIDR" -}}
{{- $cidr := index . 1 -}}
{{- $form := "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])([.](25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}/(3[0-2]|[12]?[0-9])|(([0-9a-fA-F]{1,4}:)*[0-9a-fA-F]{1,4}(::(([0-9a-fA-F]{1,4}:)*[0-9a-fA-F]{1,4})?)?|::(([0-9a-fA-F]{1,4}:)*[0-9a-fA-F]{1,4})?)/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$" -}}
{{- $wrong := printf "%s: %s is not a CIDR: write one such as 10.233.64.0/18 or fd00:10:244::/48" (index . 0) $cidr -}}
{{- if gt (len .) 2 }}{{ $wrong = index . 2 }}{{ end -}}
{{- if not (regexMatch $form $cidr) }}{{ fail $wrong }}{{ end -}}
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
{{- if or (lt $missing 0) (and (eq (len $halves) 1) (ne $missing 0)) -}}
{{- fail $wrong -}}
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

{{- /* What the exporter asks of tls_server_config. Argument: that section. */ -}}
{{- define "cbe.validateTLS" -}}
{{- range $key := list "cert" "key" -}}
{{- if not (or (get $ $key) (get $ (printf "%s_file" $key))) -}}
{{- fail (printf "web.config.tls_server_config: %s_file is missing, such as /etc/calico-bgp-exporter/tls/tls.%s with web.tlsSecret" $key (eq $key "cert" | ternary "crt" "key")) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "cert" "key" "client_ca" -}}
{{- if and (get $ $key) (get $ (printf "%s_file" $key)) -}}
{{- fail (printf "web.config.tls_server_config: give %s or %s_file, not both" $key $key) -}}
{{- end -}}
{{- end -}}
{{- $auth := .client_auth_type | default "NoClientCert" -}}
{{- $ca := or .client_ca .client_ca_file -}}
{{- if and $ca (eq $auth "NoClientCert") -}}
{{- fail "web.config.tls_server_config: a client CA needs a client_auth_type, such as RequireAndVerifyClientCert" -}}
{{- end -}}
{{- if and (not $ca) (has $auth (list "VerifyClientCertIfGiven" "RequireAndVerifyClientCert")) -}}
{{- fail (printf "web.config.tls_server_config: client_auth_type %s needs client_ca_file" $auth) -}}
{{- end -}}
{{- if and .client_allowed_sans (not (has $auth (list "RequireClientCert" "RequireAnyClientCert" "RequireAndVerifyClientCert"))) -}}
{{- fail "web.config.tls_server_config: client_allowed_sans needs client_auth_type RequireAndVerifyClientCert" -}}
{{- end -}}
{{- end -}}
