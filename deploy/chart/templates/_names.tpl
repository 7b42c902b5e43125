{{- define "helmwarden.fullname" -}}
{{- if contains "helmwarden" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-helmwarden" .Release.Name | trunc 52 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "helmwarden.selector" -}}
app.kubernetes.io/name: helmwarden
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "helmwarden.labels" -}}
{{ include "helmwarden.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "helmwarden.account" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "helmwarden.fullname" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end -}}
{{- end }}

{{- define "helmwarden.claim" -}}
{{ .Values.audit.persistence.existingClaim | default (printf "%s-audit" (include "helmwarden.fullname" .)) }}
{{- end }}

{{- define "helmwarden.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "helmwarden.sharedQueue" -}}
{{- if (.Values.config.settings.queue | default dict).redis }}yes{{ end -}}
{{- end }}

{{- define "helmwarden.settings" -}}
{{- $settings := .Values.config.settings -}}
{{- $http := mergeOverwrite (dict "port" 8080) ($settings.http | default dict) -}}
{{- $fixed := dict "audit" (dict "file" "/var/lib/helmwarden/audit.jsonl") "shutdownGrace" (printf "%ds" (int .Values.shutdownGraceSeconds)) "http" $http -}}
apiVersion: helmwarden.dev/v1alpha1
kind: HelmwardenConfig
metadata:
  name: default
spec:
  {{- toYaml (merge $fixed $settings) | nindent 2 }}
{{- end }}

{{- define "helmwarden.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not (include "helmwarden.sharedQueue" .)) }}
{{- fail "replicas > 1 needs a queue that they share: set config.settings.queue.redis.url, or replicas: 1." }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) (not .Values.config.settings.digestKey) }}
{{- fail "replicas > 1 need one key of digests, or each takes the other's record for a stranger's: set config.settings.digestKey to a credential (32 random bytes)." }}
{{- end }}
{{- if and (gt (int .Values.replicas) 1) .Values.audit.persistence.enabled (has "ReadWriteOnce" .Values.audit.persistence.accessModes) }}
{{- fail "replicas > 1 write to one volume, each in a folder of its own: set audit.persistence.accessModes to [ReadWriteMany], or audit.persistence.enabled: false." }}
{{- end }}
{{- if regexMatch "(?m)^kind: *[\"']?HelmwardenConfig" (.Values.config.text | default "") }}
{{- fail "config.text holds a HelmwardenConfig, which the chart makes: move its spec to config.settings." }}
{{- end }}
{{- if and .Values.ca.configMap .Values.ca.secret }}
{{- fail "ca.configMap and ca.secret: set one of them." }}
{{- end }}
{{- end }}
