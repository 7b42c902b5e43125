{{- /* For rbac.namespaces: the program's own needs, and reading and patching the kinds that charts usually have. */ -}}
{{- define "helmwarden.usualRules" -}}
- { apiGroups: [""], resources: [secrets], verbs: [get, list, watch, create, update, patch, delete] }
- { apiGroups: [""], resources: [configmaps], verbs: [get, list, create, patch] }
- { apiGroups: [""], resources: [events], verbs: [create] }
- { apiGroups: [""], resources: [pods], verbs: [list] }
- { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update] }
- { apiGroups: [apps], resources: [deployments, statefulsets, daemonsets], verbs: [get, list, patch] }
- { apiGroups: [argoproj.io], resources: [rollouts], verbs: [get, list, patch] }
- { apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, list, patch] }
- { apiGroups: [""], resources: [services, serviceaccounts, persistentvolumeclaims], verbs: [get, patch] }
- { apiGroups: [networking.k8s.io], resources: [ingresses, networkpolicies], verbs: [get, patch] }
- { apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, patch] }
- { apiGroups: [batch], resources: [cronjobs], verbs: [get, patch] }
- { apiGroups: [batch], resources: [jobs], verbs: [get, list, watch, create, delete, patch] }
{{- end }}

{{- /* Beside them, in the pod's own namespace: what it keeps on the stores. */ -}}
{{- define "helmwarden.homeRules" -}}
- { apiGroups: [""], resources: [configmaps], verbs: [get, create, patch] }
- { apiGroups: [""], resources: [events], verbs: [create] }
{{- end }}
