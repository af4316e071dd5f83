{{- /* The groups of files/alerts with the changes of prometheusRule, as YAML. */ -}}
{{- define "cbe.ruleGroups" -}}
{{- $cfg := .Values.prometheusRule -}}
{{- $groups := list -}}
{{- $alerts := dict -}}
{{- $files := dict -}}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yaml" -}}
  {{- $file := base $path | trimSuffix ".yaml" | trimSuffix ".rules" -}}
  {{- $found := ($.Files.Get $path | fromYaml).groups -}}
  {{- if $found }}{{ $_ := set $files $file true }}{{ end -}}
  {{- range $group := $found -}}
    {{- $rules := list -}}
    {{- range $rule := $group.rules -}}
      {{- if $rule.alert }}{{ $_ := set $alerts $rule.alert true }}{{ end -}}
      {{- $change := get ($cfg.alerts | default dict) ($rule.alert | default "") | default dict -}}
      {{- if ne (toString $change.enabled) "false" -}}
        {{- $rules = append $rules (include "cbe.rule" (dict "config" $cfg "rule" $rule "change" $change) | fromYaml) -}}
      {{- end -}}
    {{- end -}}
    {{- $on := eq (toString (get ($cfg.files | default dict) $file)) "true" -}}
    {{- if and $on $rules -}}
      {{- $changed := merge (dict "rules" $rules) (omit $group "rules") -}}
      {{- with $cfg.interval }}{{ $_ := set $changed "interval" . }}{{ end -}}
      {{- $groups = append $groups $changed -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if not $alerts }}{{ fail "prometheusRule: the chart holds no alerts in files/alerts: take the whole chart" }}{{ end -}}
{{- range $name, $_ := $cfg.alerts -}}
  {{- if not (hasKey $alerts $name) -}}
    {{- fail (printf "prometheusRule.alerts: there is no alert %s; there are %s" $name (keys $alerts | sortAlpha | join ", ")) -}}
  {{- end -}}
{{- end -}}
{{- range $name, $_ := $cfg.files -}}
  {{- if not (hasKey $files $name) -}}
    {{- fail (printf "prometheusRule.files: there is no file %s; there are %s" $name (keys $files | sortAlpha | join ", ")) -}}
  {{- end -}}
{{- end -}}
{{- with $cfg.extraRules }}{{ $groups = append $groups (dict "name" "calico-bgp.extra" "rules" .) }}{{ end -}}
{{- toYaml $groups -}}
{{- end -}}

{{- /* One rule. Argument: dict config, rule, change (what prometheusRule.alerts says of it). */ -}}
{{- define "cbe.rule" -}}
{{- $cfg := .config -}}
{{- $change := .change -}}
{{- $rule := deepCopy .rule -}}
{{- if ne $cfg.clusterLabel "cluster" -}}
  {{- $_ := set $rule "expr" (regexReplaceAll "\\bcluster\\b" (toString $rule.expr) $cfg.clusterLabel) -}}
{{- end -}}
{{- if $rule.alert -}}
  {{- $annotations := deepCopy ($rule.annotations | default dict) -}}
  {{- if ne $cfg.clusterLabel "cluster" -}}
    {{- range $key, $text := $annotations -}}
      {{- $text = regexReplaceAll "\\bcluster=" $text (printf "%s=" $cfg.clusterLabel) -}}
      {{- $_ := set $annotations $key (replace "$labels.cluster" (printf "$labels.%s" $cfg.clusterLabel) $text) -}}
    {{- end -}}
  {{- end -}}
  {{- if $cfg.runbookBaseURL -}}
    {{- $_ := set $annotations "runbook_url" (printf "%s/%s.md" (trimSuffix "/" $cfg.runbookBaseURL) $rule.alert) -}}
  {{- end -}}
  {{- $_ := set $rule "annotations" (mergeOverwrite $annotations (deepCopy ($cfg.additionalAlertAnnotations | default dict)) (deepCopy ($change.annotations | default dict))) -}}
  {{- $labels := mergeOverwrite (deepCopy ($rule.labels | default dict)) (deepCopy ($cfg.additionalAlertLabels | default dict)) (deepCopy ($change.labels | default dict)) -}}
  {{- with $change.severity }}{{ $_ := set $labels "severity" . }}{{ end -}}
  {{- $_ := set $rule "labels" $labels -}}
  {{- range $key := list "for" "keep_firing_for" "expr" -}}
    {{- if get $change $key }}{{ $_ := set $rule $key (get $change $key) }}{{ else if hasKey $change $key }}{{ $_ := unset $rule $key }}{{ end -}}
  {{- end -}}
{{- end -}}
{{- toYaml $rule -}}
{{- end -}}
