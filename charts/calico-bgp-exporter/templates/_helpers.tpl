{{- define "cbe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* A Service's name must begin with a letter and has no dot: a release named by a number comes last, and dots become dashes. */ -}}
{{- define "cbe.fullname" -}}
{{- $name := include "cbe.name" . -}}
{{- $release := toString .Release.Name | replace "." "-" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if regexMatch "^[0-9]" $release -}}
{{- printf "%s-%s" $name $release | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name $release -}}
{{- $release | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" $release $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "cbe.probeName" -}}
{{- printf "%s-probe" (include "cbe.fullname" .) -}}
{{- end -}}

{{- define "cbe.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- /* What selectors select by. Argument: dict root, component (default: exporter). */ -}}
{{- define "cbe.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cbe.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component | default "exporter" | quote }}
{{- end -}}

{{- /* Labels of an object. Argument: dict root, component, labels. Labels that selectors use cannot be replaced. */ -}}
{{- define "cbe.labels" -}}
{{- $own := include "cbe.selectorLabels" . | fromYaml -}}
{{- $labels := merge (deepCopy $own) (dict
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/part-of" "calico"
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")) -}}
{{- range $given := list .root.Values.commonLabels (.labels | default dict) -}}
{{- range $key, $value := $given -}}
{{- if hasKey $own $key -}}
{{- fail (printf "label %s: selectors use it, so it cannot be set; nameOverride changes the name" $key) -}}
{{- end -}}
{{- $_ := set $labels $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $labels -}}
{{- end -}}

{{- /* Labels of pods: without those that change with the chart's version alone. Argument: as cbe.labels. */ -}}
{{- define "cbe.podLabels" -}}
{{- omit (include "cbe.labels" . | fromYaml) "helm.sh/chart" "app.kubernetes.io/managed-by" | toYaml -}}
{{- end -}}

{{- /* Metadata of an object. Argument: dict root, component, name, namespace, labels, annotations; namespace "-": an object without one. */ -}}
{{- define "cbe.metadata" -}}
name: {{ .name | default (include "cbe.fullname" .root) | quote }}
{{- if ne (toString .namespace) "-" }}
namespace: {{ .namespace | default (include "cbe.namespace" .root) | quote }}
{{- end }}
labels:
  {{- include "cbe.labels" . | nindent 2 }}
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

{{- /* The reference of an image. Argument: dict root, image (registry, repository, tag, digest), tag (where image.tag is empty).
global.imageRegistry replaces the registry. A repository that begins with a host's name brings its registry along. */ -}}
{{- define "cbe.imageReference" -}}
{{- $registry := .image.registry -}}
{{- $repository := .image.repository -}}
{{- $first := splitList "/" $repository | first -}}
{{- if and (contains "/" $repository) (or (eq $first "localhost") (regexMatch "[.:]" $first)) -}}
{{- $registry = $first -}}
{{- $repository = trimPrefix (printf "%s/" $first) $repository -}}
{{- end -}}
{{- $registry = (.root.Values.global | default dict).imageRegistry | default $registry -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ $repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .tag }}{{ end -}}
{{- end -}}

{{- define "cbe.image" -}}
{{- include "cbe.imageReference" (dict "root" . "image" .Values.image "tag" .Chart.AppVersion) -}}
{{- end -}}

{{- /* imagePullSecrets of a pod: the chart's own and those of the parent chart, which may be names or {name: …}. */ -}}
{{- define "cbe.pullSecrets" -}}
{{- $names := list -}}
{{- range concat (.Values.image.pullSecrets | default list) ((.Values.global | default dict).imagePullSecrets | default list) -}}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name")) -}}
{{- end -}}
{{- $secrets := list -}}
{{- range uniq $names }}{{ $secrets = append $secrets (dict "name" .) }}{{ end -}}
{{- with $secrets -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- /* `for` and intervals in Prometheus' form, and the exporter's durations, in milliseconds. */ -}}
{{- define "cbe.milliseconds" -}}
{{- $sum := 0.0 -}}
{{- $units := dict "y" 31536000000 "w" 604800000 "d" 86400000 "h" 3600000 "m" 60000 "s" 1000 "ms" 1 -}}
{{- range regexFindAll "[0-9.]+(ms|[ywdhms])" (toString .) -1 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $sum = addf $sum (mulf (trimSuffix $unit . | float64) (get $units $unit)) -}}
{{- end -}}
{{- int64 $sum -}}
{{- end -}}
