{{/* 63 characters is the most that a DNS label may have; 11 of them stay free for the longest of our own endings. */}}
{{- define "noslate-fleet.nameLimit" -}}52{{- end }}

{{/* Takes a name and makes it short enough. What is cut off leaves its hash behind, so that two long names stay two. */}}
{{- define "noslate-fleet.short" -}}
{{- $limit := include "noslate-fleet.nameLimit" . | int -}}
{{- if le (len .) $limit -}}
{{- . -}}
{{- else -}}
{{- printf "%s-%s" (trunc (int (sub $limit 9)) . | trimAll "-") (sha256sum . | trunc 8) -}}
{{- end -}}
{{- end }}

{{- define "noslate-fleet.name" -}}
{{- include "noslate-fleet.short" (default .Chart.Name .Values.nameOverride) -}}
{{- end }}

{{/* A release may have dots in its name, which a Service may not. */}}
{{- define "noslate-fleet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $release := replace "." "-" .Release.Name -}}
{{- if contains $name $release -}}
{{- include "noslate-fleet.short" $release -}}
{{- else -}}
{{- include "noslate-fleet.short" (printf "%s-%s" $release $name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Labels that choose pods. A selector can't be changed after the install, so nothing that may change stands here. */}}
{{- define "noslate-fleet.baseSelector" -}}
app.kubernetes.io/name: {{ include "noslate-fleet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "noslate-fleet.selector" -}}
{{ include "noslate-fleet.baseSelector" . }}
app.kubernetes.io/component: instance
{{- end }}

{{- define "noslate-fleet.dashboardSelector" -}}
{{ include "noslate-fleet.baseSelector" . }}
app.kubernetes.io/component: dashboard
{{- end }}

{{- define "noslate-fleet.redisSelector" -}}
{{ include "noslate-fleet.baseSelector" . }}
app.kubernetes.io/component: redis
{{- end }}

{{/* Labels of the objects. */}}
{{- define "noslate-fleet.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "noslate-fleet.baseSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: noslate-fleet
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Takes repository, tag and digest. */}}
{{- define "noslate-fleet.imageOf" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end }}

{{- define "noslate-fleet.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- include "noslate-fleet.imageOf" (dict "repository" .Values.image.repository "tag" $tag "digest" .Values.image.digest) -}}
{{- end }}

{{- define "noslate-fleet.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "noslate-fleet.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "noslate-fleet.tokenSecretName" -}}
{{- .Values.admin.existingSecret | default (printf "%s-admin" (include "noslate-fleet.fullname" .)) -}}
{{- end }}

{{- define "noslate-fleet.tokenSecretKey" -}}
{{- if .Values.admin.existingSecret -}}{{ .Values.admin.existingSecretKey }}{{- else -}}token{{- end -}}
{{- end }}

{{- define "noslate-fleet.functionsConfigMap" -}}
{{- if eq .Values.functions.source "configMap" -}}
{{- .Values.functions.existingConfigMap -}}
{{- else -}}
{{- printf "%s-functions" (include "noslate-fleet.fullname" .) -}}
{{- end -}}
{{- end }}

{{- define "noslate-fleet.fleetName" -}}
{{- .Values.fleet.name | default (include "noslate-fleet.fullname" .) -}}
{{- end }}

{{/* "true" if the fleet has a Redis, else nothing. */}}
{{- define "noslate-fleet.hasRedis" -}}
{{- if or .Values.redis.endpoints .Values.redis.development.enabled -}}true{{- end -}}
{{- end }}

{{/* Takes a duration such as 500ms, 60s, 5m or 1h (values.schema.json lets no other through) and gives its milliseconds. */}}
{{- define "noslate-fleet.milliseconds" -}}
{{- $text := toString . -}}
{{- if not (regexMatch "^[0-9]{1,8}(ms|s|m|h)$" $text) -}}
{{- fail (printf "%q is no duration: write it as 500ms, 60s, 5m or 1h." $text) -}}
{{- end -}}
{{- $number := regexFind "^[0-9]+" $text | int64 -}}
{{- $unit := regexFind "(ms|s|m|h)$" $text -}}
{{- mul $number (get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) $unit) -}}
{{- end }}

{{/* The least grace: the stop budget, rounded up, plus the margin. */}}
{{- define "noslate-fleet.leastGraceSeconds" -}}
{{- $budget := include "noslate-fleet.milliseconds" .Values.stop.budget | int64 -}}
{{- add (div (add $budget 999) 1000) (int .Values.stop.marginSeconds) -}}
{{- end }}

{{- define "noslate-fleet.graceSeconds" -}}
{{- $given := int .Values.stop.terminationGracePeriodSeconds -}}
{{- if eq $given 0 -}}{{ include "noslate-fleet.leastGraceSeconds" . }}{{- else -}}{{ $given }}{{- end -}}
{{- end }}

{{/* "true" if a disruption budget can be met, else nothing. By the fewest pods there may be: with one, it would hold up node drains for ever. */}}
{{- define "noslate-fleet.hasBudget" -}}
{{- $pods := int .Values.replicaCount -}}
{{- if .Values.autoscaling.enabled -}}{{- $pods = int .Values.autoscaling.minReplicas -}}{{- end -}}
{{- if .Values.keda.enabled -}}{{- $pods = int .Values.keda.minReplicas -}}{{- end -}}
{{- $least := toString .Values.podDisruptionBudget.minAvailable -}}
{{- $satisfiable := gt $pods 1 -}}
{{- if hasSuffix "%" $least -}}
{{- /* Kubernetes rounds the percentage up. */ -}}
{{- $needed := div (add (mul (trimSuffix "%" $least | int) $pods) 99) 100 -}}
{{- $satisfiable = and $satisfiable (lt (int $needed) $pods) -}}
{{- else if ne $least "" -}}
{{- $satisfiable = and $satisfiable (lt (int $least) $pods) -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled $satisfiable -}}true{{- end -}}
{{- end }}

{{/* What of the stop budget is the node's, in milliseconds: Node:StopGrace, as the program has it. */}}
{{- define "noslate-fleet.nodeGrace" -}}
{{- $grace := "3s" -}}
{{- range $key, $value := .Values.config -}}
{{- if eq (lower $key) "node:stopgrace" -}}{{- $grace = $value -}}{{- end -}}
{{- end -}}
{{- if .Values.node.supervise -}}{{ include "noslate-fleet.milliseconds" $grace }}{{- else -}}0{{- end -}}
{{- end }}

{{/* The settings that the instances and the dashboard share, by their keys in docs/configuration.md. */}}
{{- define "noslate-fleet.sharedSettings" -}}
Platform:Mode: Kubernetes
Admin:Address: {{ .Values.platform.address | quote }}
Admin:Port: {{ .Values.admin.port | int | quote }}
Admin:OpenMetrics: {{ .Values.admin.openMetrics | quote }}
Silo:Topology: {{ .Values.topology | quote }}
Silo:Fleet: {{ include "noslate-fleet.fleetName" . | quote }}
{{- if include "noslate-fleet.hasRedis" . }}
{{- if .Values.redis.development.enabled }}
Redis:Endpoints: {{ printf "%s-redis:6379" (include "noslate-fleet.fullname" .) | quote }}
{{- else }}
Redis:Endpoints: {{ join "," .Values.redis.endpoints | quote }}
Redis:Tls: {{ .Values.redis.tls | quote }}
{{- with .Values.redis.user }}
Redis:User: {{ . | quote }}
{{- end }}
{{- end }}
Redis:Prefix: {{ .Values.redis.keyPrefix | default (include "noslate-fleet.fleetName" .) | quote }}
{{- end }}
{{- if and (eq .Values.topology "Mesh") .Values.silo.tlsSecret }}
Silo:Tls:Certificate: /etc/noslate-fleet/silo-tls/tls.crt
Silo:Tls:Key: /etc/noslate-fleet/silo-tls/tls.key
Silo:Tls:Authority: /etc/noslate-fleet/silo-tls/ca.crt
{{- end }}
{{- end }}

{{/* The settings of an instance. */}}
{{- define "noslate-fleet.settings" -}}
{{ include "noslate-fleet.sharedSettings" . }}
Platform:Address: {{ .Values.platform.address | quote }}
Platform:Port: {{ .Values.platform.port | int | quote }}
{{- if int .Values.platform.http2Port }}
Platform:Http2Port: {{ .Values.platform.http2Port | int | quote }}
{{- end }}
{{- with .Values.platform.healthPath }}
Platform:HealthPath: {{ . | quote }}
{{- end }}
{{- if eq .Values.topology "Mesh" }}
Silo:Port: {{ .Values.silo.port | int | quote }}
Silo:ClientPort: {{ .Values.silo.clientPort | int | quote }}
{{- end }}
Lifecycle:StopBudget: {{ .Values.stop.budget | quote }}
Lifecycle:FlushBudget: {{ .Values.stop.flushBudget | quote }}
Lifecycle:AnswerMargin: {{ .Values.stop.answerMargin | quote }}
Drain:LameDuck: {{ .Values.stop.lameDuck | quote }}
Node:Workdir: {{ .Values.node.workdir | quote }}
Node:Supervise: {{ .Values.node.supervise | quote }}
Node:DataPlanes: {{ .Values.node.dataPlanes | int | quote }}
Node:ControlPlanes: {{ .Values.node.controlPlanes | int | quote }}
{{- if ne .Values.functions.source "fleet" }}
Functions:Path: /etc/noslate-fleet/functions/functions.json
{{- end }}
{{- end }}

{{/* Settings as environment variables, in a fixed order. Takes a dictionary of keys. */}}
{{- define "noslate-fleet.environmentOf" -}}
{{- range $key := keys . | sortAlpha }}
- name: {{ printf "Gateway__%s" (replace ":" "__" $key) }}
  value: {{ get $ $key | toString | quote }}
{{- end }}
{{- end }}

{{/* What names the pod, and the secrets: for instances and the dashboard. */}}
{{- define "noslate-fleet.identityAndSecrets" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: Gateway__Admin__Token
  valueFrom:
    secretKeyRef:
      name: {{ include "noslate-fleet.tokenSecretName" . }}
      key: {{ include "noslate-fleet.tokenSecretKey" . }}
{{- if .Values.redis.existingSecret }}
- name: Gateway__Redis__Password
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.existingSecret }}
      key: {{ .Values.redis.passwordKey }}
{{- end }}
{{- end }}

{{/* Where pods go: for instances and the dashboard. */}}
{{- define "noslate-fleet.scheduling" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end }}
