{{- define "workspace-exporter.name" -}}
{{- printf "%s-workspace-exporter" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "workspace-exporter.selector" -}}
app.kubernetes.io/name: workspace-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "workspace-exporter.labels" -}}
{{ include "workspace-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The configuration, with the credential that the Secret holds. */}}
{{- define "workspace-exporter.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.credentials.existingSecret -}}
{{- $main := dict "kind" "access_key" "file" "/run/secrets/workspace-exporter/huawei.yaml" -}}
{{- $_ := set $config "credentials" (dict "main" $main) -}}
{{- end -}}
{{ toYaml $config }}
{{- end -}}

{{- define "workspace-exporter.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.persistence.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources: { requests: { storage: {{ .Values.persistence.size }} } }
{{- end -}}
