{{- /* kube-rbac-proxy in front of the exporter: TLS, and Kubernetes decides who may read. The token is mounted into this container alone. */ -}}
{{- define "cbe.proxyContainer" -}}
{{- $p := .Values.kubeRBACProxy -}}
- name: kube-rbac-proxy
  image: {{ include "cbe.imageReference" (dict "root" . "image" $p.image "tag" $p.image.tag) | quote }}
  imagePullPolicy: {{ $p.image.pullPolicy }}
  args:
    {{- $host := get (dict "node-ipv4" "$(HOST_IP)" "node-ipv6" "[$(HOST_IP)]") .Values.web.listen }}
    {{- $args := list (printf "--secure-listen-address=%s:%d" $host (int .Values.web.port)) (printf "--upstream=http://127.0.0.1:%s/" (include "cbe.port" .)) (printf "--allow-paths=%s" .Values.web.telemetryPath) }}
    {{- if .Values.web.tlsSecret }}
    {{- $args = concat $args (list "--tls-cert-file=/etc/calico-bgp-exporter/tls/tls.crt" "--tls-private-key-file=/etc/calico-bgp-exporter/tls/tls.key") }}
    {{- end }}
    {{- concat $args $p.extraArgs | toYaml | nindent 4 }}
  {{- if hasPrefix "node-" .Values.web.listen }}
  env:
    - name: HOST_IP
      valueFrom:
        fieldRef:
          fieldPath: status.hostIP
  {{- end }}
  ports:
    - name: metrics
      containerPort: {{ int .Values.web.port }}
      hostPort: {{ int .Values.web.port }}
      protocol: TCP
  terminationMessagePolicy: {{ .Values.terminationMessagePolicy }}
  resources:
    {{- toYaml $p.resources | nindent 4 }}
  securityContext:
    {{- toYaml $p.securityContext | nindent 4 }}
  volumeMounts:
    - name: token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
    {{- if .Values.web.tlsSecret }}
    - name: tls
      mountPath: /etc/calico-bgp-exporter/tls
      readOnly: true
    {{- end }}
{{- end -}}

{{- /* What the kubelet would mount for automountServiceAccountToken, but into one container. */ -}}
{{- define "cbe.proxyVolume" -}}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end -}}
