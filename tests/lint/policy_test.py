#!/usr/bin/python3
"""Plants mistakes into the manifests, each of which must break its rule: policy_test.py FILE...

Prints the mistakes that were not found, and rules for which none is planted; exits 1 then.
"""

import json
import sys

import policy

GONE = object()
PIPELINE, SHARDED = "WorkflowTemplate/pipeline", "Workflow/sharded-run-"
SHARD = "spec.templates.shard"
EXPERIMENT = "Workflow/gvisor-run-"
KIND = "WorkflowTemplate/job-pipeline"
CRON, SERVER = "CronWorkflow/cron-run", "StatefulSet/postgres"
STEP = "spec.templates.fake-gen"
CONTAINER = f"{STEP}.container"
RETRY = f"{STEP}.retryStrategy"
METRIC = "spec.templates.single-run.metrics.prometheus"
EXPRESSION = ("lastRetry.status == 'Error' || lastRetry.exitCode in ['10', '11', '137', '143', '255'] || "
              "(lastRetry.exitCode == '64' && retries == '0')")
ONLY_STATUS_ONE = EXPRESSION.replace("'10'", "'1', '10'")

# Rule, object, path, value.
MISTAKES = [
    ("ends", PIPELINE, "spec.activeDeadlineSeconds", GONE),
    ("ends", PIPELINE, "spec.ttlStrategy.secondsAfterFailure", GONE),
    ("ends", PIPELINE, "spec.podGC", GONE),
    ("ends", PIPELINE, "spec.volumeClaimGC.strategy", "OnWorkflowCompletion"),
    ("account", PIPELINE, "spec.serviceAccountName", GONE),
    ("service_links", PIPELINE, "spec.podSpecPatch", GONE),
    ("parameters", PIPELINE, "spec.arguments.parameters.0.value", GONE),
    ("parameters", PIPELINE, "spec.arguments.parameters.image-tag.name", "tag"),
    ("listed", "Workflow/single-run-", "spec.arguments.parameters.0", GONE),
    ("listed", CRON, "spec.workflowSpec.arguments", GONE),
    ("listed", SHARDED, "spec.arguments.parameters.shards.value", GONE),
    ("listed", "Workflow/single-run-", "spec.arguments.parameters.0.name", "lines"),
    ("listed", PIPELINE, f"{STEP}.name", "single-run"),
    ("listed", "Workflow/files-run-", "spec.arguments.parameters.5", GONE),
    ("callable_templates", PIPELINE, "spec.templates.aggregate.inputs.parameters.0.value", GONE),
    ("callable_templates", PIPELINE, "spec.templates.shard.inputs.parameters.index.description", GONE),
    ("callable_templates", PIPELINE, f"{CONTAINER}.args.0", "--events={{workflow.parameters.events}}"),
    ("callable_templates", PIPELINE, f"{STEP}.podSpecPatch", GONE),
    ("callable_templates", PIPELINE, f"{STEP}.securityContext", GONE),
    ("callable_templates", PIPELINE, f"{STEP}.metadata.labels", {"app.kubernetes.io/name": "fake-gen"}),
    ("callable_templates", PIPELINE, f"{STEP}.volumes.0.name", "data"),
    ("described", PIPELINE, "spec.arguments.parameters.events.description", GONE),
    ("described", EXPERIMENT, "spec.arguments.parameters.batches.description", GONE),
    ("titles", CRON, "metadata.labels", GONE),
    ("titles", "Workflow/single-run-", "metadata.annotations", GONE),
    ("metrics", PIPELINE, "spec.templates.single-run.retryStrategy", {"limit": "1"}),
    ("metrics", PIPELINE, f"{METRIC}.0.name", "runs"),
    ("metrics", PIPELINE, f"{METRIC}.1.gauge.realtime", GONE),
    ("metrics", PIPELINE, "spec.templates.sharded-run.metrics.prometheus.1.gauge.realtime", GONE),
    ("timeout", PIPELINE, f"{STEP}.timeout", GONE),
    ("retries", PIPELINE, f"{STEP}.retryStrategy", GONE),
    ("retries", PIPELINE, f"{RETRY}.expression", ONLY_STATUS_ONE),
    ("retries", PIPELINE, f"{RETRY}.expression", EXPRESSION.replace("lastRetry.status == 'Error' || ", "")),
    ("retries", PIPELINE, f"{RETRY}.expression", EXPRESSION.replace("'10', ", "")),
    ("retries", PIPELINE, f"{RETRY}.expression", EXPRESSION.replace(" && retries == '0'", "")),
    ("retries", PIPELINE, f"{RETRY}.backoff.duration", GONE),
    ("retries", PIPELINE, f"{RETRY}.retryPolicy", "OnFailure"),
    ("retries", PIPELINE, f"{RETRY}.limit", GONE),
    ("retries", PIPELINE, f"{RETRY}.backoff.maxDuration", GONE),
    ("defaults", PIPELINE, "spec.templates.aggregate-claim.outputs.parameters.0.valueFrom.default", GONE),
    ("labels", PIPELINE, f"{STEP}.metadata", GONE),
    ("labels", EXPERIMENT, "spec.podMetadata", GONE),
    ("user", PIPELINE, f"{STEP}.securityContext.runAsNonRoot", GONE),
    ("user", PIPELINE, f"{SHARD}.securityContext.runAsUser", 0),
    ("user", SERVER, "spec.template.spec.securityContext.seccompProfile", GONE),
    ("node", SERVER, "spec.template.spec.hostNetwork", True),
    ("node", PIPELINE, f"{STEP}.volumes.0", {"name": "tmp", "hostPath": {"path": "/tmp"}}),
    ("scratch", PIPELINE, f"{STEP}.volumes.0.emptyDir", {}),
    ("servers", SERVER, "spec.template.spec.automountServiceAccountToken", GONE),
    ("servers", SERVER, "spec.template.spec.enableServiceLinks", True),
    ("servers", SERVER, "spec.template.spec.containers.0.readinessProbe", GONE),
    ("restricted", PIPELINE, f"{CONTAINER}.securityContext.allowPrivilegeEscalation", GONE),
    ("restricted", PIPELINE, f"{CONTAINER}.securityContext.readOnlyRootFilesystem", False),
    ("restricted", PIPELINE, f"{CONTAINER}.securityContext.capabilities.drop", ["KILL"]),
    ("restricted", PIPELINE, f"{SHARD}.initContainers.0.securityContext.capabilities.add", ["KILL"]),
    ("restricted", PIPELINE, f"{CONTAINER}.securityContext.privileged", True),
    ("restricted", PIPELINE, f"{CONTAINER}.securityContext.runAsNonRoot", False),
    ("restricted", EXPERIMENT, "spec.templates.prepare.container.securityContext.capabilities.add", ["KILL"]),
    ("restricted", EXPERIMENT, "spec.templates.runc.container.securityContext.runAsNonRoot", False),
    ("resources", PIPELINE, f"{CONTAINER}.resources.limits.memory", GONE),
    ("resources", SERVER, "spec.template.spec.containers.0.resources.requests", GONE),
    ("images", PIPELINE, f"{CONTAINER}.image", "fake_gen:1.0"),
    ("images", SERVER, "spec.template.spec.containers.0.image", "postgres"),
    ("images", PIPELINE, f"{CONTAINER}.imagePullPolicy", GONE),
    ("command", PIPELINE, f"{CONTAINER}.command", GONE),
    ("command", PIPELINE, f"{SHARD}.initContainers.0.command", ["fake_gen"]),
    ("secrets", PIPELINE, "spec.templates.aggregate-claim.container.env.3", {"name": "DB_PASSWORD", "value": "x"}),
    ("secrets", PIPELINE, f"{CONTAINER}.args.0", "--password=x"),
    ("removed", CRON, "spec.schedule", "0 * * * *"),
    ("removed", PIPELINE, "spec.synchronization", {"mutex": {"name": "table"}}),
    ("cron", CRON, "spec.concurrencyPolicy", "Replace"),
    ("cron", CRON, "spec.timezone", GONE),
    ("cron", CRON, "spec.workflowSpec.activeDeadlineSeconds", GONE),
    ("grants", "Role/argo-steps", "rules.0.verbs", ["*"]),
    ("grants", "workflows/jobs/rbac.yaml: Role/job-dispatch", "rules.1.verbs", ["create"]),
    ("grants", "workflows/jobs/runs.yaml: Role/starter", "rules.0.resources", ["pods", "pods/exec"]),
    ("kinds", KIND, "spec.activeDeadlineSeconds", GONE),
    ("kinds", KIND, "spec.podGC", {"strategy": "OnPodCompletion"}),
    ("denied", "workflows/jobs/network_policies.yaml: NetworkPolicy/deny", "spec.egress", [{}]),
    ("grants", "RoleBinding/argo-steps", "kind", "ClusterRoleBinding"),
    ("classes", "RuntimeClass/argo-steps-gvisor", "metadata.name", "gvisor"),
    ("denied", "NetworkPolicy/argo-steps-deny", "spec.policyTypes", ["Ingress"]),
    ("denied", "NetworkPolicy/argo-steps-deny", "spec.egress", [{}]),
    ("denied", SERVER, "spec.template.metadata.labels", {"app.kubernetes.io/name": "postgres"}),
    ("same_metrics", PIPELINE, "spec.templates.sharded-run.metrics.prometheus.0.name", "argo_steps_runs_total"),
    ("applied", "workflows/base/kustomization.yaml: Kustomization/", "resources", ["single_run.yaml"]),
]


def plant(objects, title, path, value):
    """A copy of the objects with one place changed, and none of those that YAML's anchors share with it."""
    objects = [policy.Object(o.file, json.loads(json.dumps(o.body))) for o in objects]
    [node] = [o.body for o in objects if f" {o.title}".endswith(f" {title}")]
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in way:
        named = isinstance(node, list) and isinstance(key, str)
        node = next(entry for entry in node if entry["name"] == key) if named else node[key]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return objects


def main(files):
    objects = policy.load(files)
    missed = [f"{name}: {title}: {path}" for name, title, path, value in MISTAKES
              if name not in {found for found, _ in policy.broken(plant(objects, title, path, value))}]
    missed += [f"no mistake is planted for {name}" for name in policy.RULES.keys()
               - {name for name, *_ in MISTAKES}]
    print("\n".join(missed), end="\n" if missed else "")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
