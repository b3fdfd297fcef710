#!/usr/bin/python3
"""The house's rules for manifests that no schema knows: policy.py FILE...

Prints what breaks them, `file: kind/name: path: rule`, and exits 1 then. policy_test.py proves that
each rule can fail.
"""

import re
import sys
from dataclasses import dataclass

import yaml

# Exit statuses that a retry may mend, once or more often, and those that it cannot (README.md).
PASSING = {"10", "11", "137", "143", "255"}
ONCE = "(lastRetry.exitCode == '64' && retries == '0')"
FINAL = {"1", "2", "3", "4", "5", "64", "65"}
# Argo 4.0 removed the singular forms.
REMOVED = {"schedule": "schedules", "mutex": "mutexes", "semaphore": "semaphores",
           "podPriority": "podPriorityClassName"}
PART_OF = "app.kubernetes.io/part-of"
NAME = "app.kubernetes.io/name"
# The isolation experiment mounts a directory of its node, and its witness is root there.
EXPERIMENT = "argo-steps-gvisor"
NOT_OF_THE_EXPERIMENT = {"parameters", "metrics", "retries", "node", "grants", "applied"}
# The installer is root on its node, and labels it.
INSTALLER = "gvisor-installer"
NOT_OF_THE_INSTALLER = {"user", "node", "servers", "grants", "applied"}
# Kinds of jobs: dispatch removes their Workflows, counts them, and says what a client may set.
NOT_OF_KINDS = {"ends", "parameters", "metrics"}
# What the jobs' service grants beside the executor's own rule: by namespace and account.
OF_JOBS = [([""], ["pods"], ["get", "list", "watch", "delete"]), ([""], ["pods/log"], ["get"])]
OF_STARTS = [([""], ["pods"], ["create", "get", "list", "watch"])]
GRANTS = {
    ("jobs", "job-dispatch"): [
        (["argoproj.io"], ["workflows"], ["create", "get", "list", "watch", "patch", "delete"]),
        ([""], ["pods"], ["get", "list", "watch"]),
        ([""], ["pods/log"], ["get"])],
    ("jobs-build", "job-dispatch"): [
        *OF_JOBS, ([""], ["configmaps"], ["create", "get", "list", "watch", "delete"])],
    ("jobs-run", "job-dispatch"): OF_JOBS,
    ("jobs-build", "starter"): OF_STARTS,
    ("jobs-run", "starter"): OF_STARTS,
}


@dataclass
class Object:
    file: str
    body: dict

    @property
    def kind(self):
        return self.body.get("kind", "")

    @property
    def title(self):
        metadata = self.body.get("metadata", {})
        name = metadata.get("name") or metadata.get("generateName", "")
        return f"{self.file}: {self.kind}/{name}"

    @property
    def experiment(self):
        metadata = self.body.get("metadata", {})
        return EXPERIMENT in (metadata.get("name"), metadata.get("namespace"))

    @property
    def installer(self):
        metadata = self.body.get("metadata", {})
        return INSTALLER in (metadata.get("name"), metadata.get("namespace"))

    @property
    def namespace(self):
        return self.body.get("metadata", {}).get("namespace")

    @property
    def kind_of_jobs(self):
        labels = self.body.get("metadata", {}).get("labels", {})
        return labels.get("app.kubernetes.io/component") == "kind-of-jobs"

    @property
    def workflow(self):
        """The spec of a workflow that has templates of its own, else None."""
        spec = self.body.get("spec", {})
        spec = spec.get("workflowSpec", spec)
        return spec if "templates" in spec else None


@dataclass
class Pod:
    """What a template of a workflow or of a StatefulSet makes."""

    owner: Object
    title: str
    spec: dict  # volumes, containers
    security: dict  # the pod's security context
    labels: dict
    template: dict  # Argo's, else empty

    @property
    def containers(self):
        own = [self.spec["container"]] if "container" in self.spec else self.spec["containers"]
        return [*own, *self.spec.get("initContainers", []), *self.spec.get("sidecars", [])]


def pods(obj):
    if workflow := obj.workflow:
        for template in workflow["templates"]:
            if "container" in template:
                labels = {**workflow.get("podMetadata", {}).get("labels", {}),
                          **template.get("metadata", {}).get("labels", {})}
                security = template.get("securityContext", workflow.get("securityContext", {}))
                yield Pod(obj, f"{obj.title}: {template['name']}", template, security, labels, template)
    elif "template" in obj.body.get("spec", {}):
        template = obj.body["spec"]["template"]
        yield Pod(obj, obj.title, template["spec"], template["spec"].get("securityContext", {}),
                  template["metadata"].get("labels", {}), {})


def fields(node, path=""):
    """All (path, name, value) of mappings in a tree."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield path, key, value
            yield from fields(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from fields(value, f"{path}[{index}]")


RULES = {}


def rule(scope, text):
    """A rule holds for each workflow, pod, container or object, or once for all, and yields where it
    is broken."""
    def add(function):
        RULES[function.__name__] = (scope, text, function)
        return function
    return add


# --- workflows --------------------------------------------------------------------------------


@rule("workflow", "a workflow has a deadline, a time to live, and says when pods and claims go")
def ends(spec):
    for name in ("activeDeadlineSeconds", "ttlStrategy", "podGC"):
        if not spec.get(name):
            yield name
    for name in ("secondsAfterSuccess", "secondsAfterFailure"):
        if name not in spec.get("ttlStrategy", {}):
            yield f"ttlStrategy.{name}"
    # On success only: `argo retry` finds the data of what failed.
    if spec.get("volumeClaimTemplates"):
        if spec.get("volumeClaimGC", {}).get("strategy") != "OnWorkflowSuccess":
            yield "volumeClaimGC"


@rule("workflow", "a workflow has a service account of its own")
def account(spec):
    if spec.get("serviceAccountName", "default") == "default":
        yield "serviceAccountName"


@rule("workflow", "Services set no variables in steps")
def service_links(spec):
    patch = yaml.safe_load(spec.get("podSpecPatch", "{}"))
    if patch.get("enableServiceLinks") is not False:
        yield "podSpecPatch"


@rule("workflow", "parameters have defaults, all of the entrypoint's and the image's tag among them")
def parameters(spec):
    values = {p["name"]: p.get("value") for p in spec.get("arguments", {}).get("parameters", [])}
    taken = {p["name"] for template in spec["templates"] if template["name"] == spec["entrypoint"]
             for p in template.get("inputs", {}).get("parameters", [])}
    for name in sorted(taken | {"image-tag", "db-host", "db-secret"}):
        if values.get(name) is None:
            yield name
    yield from (name for name, value in values.items() if value is None)


@rule("workflow", "parameters are described, for who fills them in")
def described(spec):
    yield from (p["name"] for p in spec.get("arguments", {}).get("parameters", [])
                if not p.get("description"))


@rule("workflow", "metrics are complete, and not on templates with retries, where each attempt counts")
def metrics(spec):
    for template in spec["templates"]:
        for metric in template.get("metrics", {}).get("prometheus", []):
            where = f"{template['name']}: {metric['name']}"
            if "retryStrategy" in template:
                yield where
            if "counter" in metric and not metric["name"].endswith("_total"):
                yield f"{where}: _total"
            if "gauge" in metric and "realtime" not in metric["gauge"]:
                yield f"{where}: gauge.realtime"
    if not any("metrics" in template for template in spec["templates"]):
        yield "metrics"


# --- pods -------------------------------------------------------------------------------------


@rule("pod", "a step has a timeout")
def timeout(pod):
    if pod.template and "timeout" not in pod.template:
        yield "timeout"


@rule("pod", "a step is retried for the exit statuses that may pass and for no other")
def retries(pod):
    if not pod.template:
        return
    strategy = pod.template.get("retryStrategy", {})
    expression = strategy.get("expression", "")
    statuses = set(re.findall(r"'(\d+)'", expression.replace(ONCE, "")))
    if "lastRetry.status == 'Error'" not in expression or not PASSING <= statuses or ONCE not in expression:
        yield "expression"
    for status in sorted(FINAL & statuses):
        yield f"expression: {status}"
    if strategy.get("retryPolicy") != "Always":
        yield "retryPolicy"
    if not strategy.get("limit") or not {"duration", "maxDuration"} <= strategy.get("backoff", {}).keys():
        yield "limit, backoff.duration, backoff.maxDuration"


@rule("pod", "outputs have defaults, for steps that were killed or skipped")
def defaults(pod):
    for parameter in pod.template.get("outputs", {}).get("parameters", []):
        if "default" not in parameter.get("valueFrom", {}):
            yield parameter["name"]


@rule("pod", "pods have the labels that network policies go by")
def labels(pod):
    yield from (label for label in (PART_OF, NAME) if label not in pod.labels)


@rule("pod", "pods run as a user, under the runtime's system call filter")
def user(pod):
    if pod.security.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if not pod.security.get("runAsUser") or not pod.security.get("runAsGroup"):
        yield "runAsUser, runAsGroup"  # argoexec's image is root's by default
    if pod.security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "seccompProfile"


@rule("pod", "pods see nothing of their node")
def node(pod):
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(name):
            yield name
    yield from (v["name"] for v in pod.spec.get("volumes", []) if "hostPath" in v)


@rule("pod", "scratch space is limited")
def scratch(pod):
    for volume in pod.spec.get("volumes", []):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield volume["name"]


@rule("pod", "servers have probes, no service account's token, and no variables set by Services")
def servers(pod):
    if pod.template:
        return
    for name in ("automountServiceAccountToken", "enableServiceLinks"):
        if pod.spec.get(name) is not False:
            yield name
    for container in pod.spec["containers"]:
        yield from (probe for probe in ("startupProbe", "readinessProbe", "livenessProbe")
                    if probe not in container)


# --- containers -------------------------------------------------------------------------------


@rule("container", "containers meet pod security `restricted`, on a read-only root")
def restricted(container, pod):
    context = container.get("securityContext", {})
    witness = pod.owner.experiment and context.get("runAsUser") == 0
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem"
    capabilities = context.get("capabilities", {})
    added = ["DAC_OVERRIDE"] if witness else ["SYS_CHROOT"] if pod.owner.installer else None
    witness = witness or pod.owner.installer
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add") != added:
        yield "capabilities"
    if context.get("privileged") or context.get("runAsUser") == 0 and not witness:
        yield "privileged"
    if context.get("runAsNonRoot") is False and not witness:
        yield "runAsNonRoot"


@rule("container", "containers have requests and limits")
def resources(container, _):
    for bound in ("requests", "limits"):
        for name in ("cpu", "memory"):
            if name not in container.get("resources", {}).get(bound, {}):
                yield f"{bound}.{name}"


@rule("container", "images have a tag, a parameter in steps, and are pulled when they are not there")
def images(container, pod):
    tag = container.get("image", "").rpartition("/")[2].partition(":")[2]
    if pod.template and "parameters.image-tag}}" not in tag:
        yield container.get("image", "image")
    if tag in ("", "latest"):
        yield container.get("image", "image")
    if container.get("imagePullPolicy") != "IfNotPresent":
        yield "imagePullPolicy"


@rule("container", "steps say their command, by its absolute path: nobody looks it up in a registry")
def command(container, pod):
    if pod.template and not (container.get("command") or [""])[0].startswith("/"):
        yield "command"


@rule("container", "secrets come from Secrets and are on no command line")
def secrets(container, _):
    secret = re.compile("passw|token|secret", re.IGNORECASE)
    for variable in container.get("env", []):
        if secret.search(variable["name"]) and "secretKeyRef" not in variable.get("valueFrom", {}):
            yield variable["name"]
    for argument in [*container.get("command", []), *container.get("args", [])]:
        if secret.search(argument):
            yield argument


# --- other objects ----------------------------------------------------------------------------


@rule("object", "workflows say what they are: a label, a title, a description")
def titles(obj):
    if obj.kind not in ("Workflow", "CronWorkflow", "WorkflowTemplate"):
        return
    metadata = obj.body["metadata"]
    if PART_OF not in metadata.get("labels", {}):
        yield PART_OF
    for name in ("title", "description"):
        if not metadata.get("annotations", {}).get(f"workflows.argoproj.io/{name}"):
            yield name


@rule("object", "a template can be called: its parameters have defaults and are described, and of its "
                "workflow it needs nothing")
def callable_templates(obj):
    for template in obj.body["spec"]["templates"] if obj.kind == "WorkflowTemplate" else ():
        yield from (f"{template['name']}: {p['name']}" for p in template.get("inputs", {}).get("parameters", [])
                    if p.get("value") is None or not p.get("description"))
        if "workflow.parameters" in str(template):
            yield f"{template['name']}: workflow.parameters"
        if "container" in template:
            yield from (f"{template['name']}: {name}" for name in ("podSpecPatch", "securityContext")
                        if name not in template)
            if PART_OF not in template.get("metadata", {}).get("labels", {}):
                yield f"{template['name']}: {PART_OF}"
            own = {volume["name"] for volume in template.get("volumes", [])}
            yield from (f"{template['name']}: volume {mount['name']}" for container in
                        [template["container"], *template.get("initContainers", [])]
                        for mount in container.get("volumeMounts", []) if mount["name"] not in own)


@rule("object", "no field is used that Argo 4.0 removed")
def removed(obj):
    if obj.workflow is None and obj.kind != "CronWorkflow":
        return
    for path, name, _ in fields(obj.body):
        if name in REMOVED:
            yield f"{path}.{name}, see {REMOVED[name]}"


@rule("object", "a cron workflow drops ticks while it runs, keeps little history, and names its clock")
def cron(obj):
    if obj.kind != "CronWorkflow":
        return
    spec = obj.body["spec"]
    if spec.get("concurrencyPolicy") != "Forbid":
        yield "concurrencyPolicy"
    for name in ("schedules", "timezone", "startingDeadlineSeconds", "successfulJobsHistoryLimit",
                 "failedJobsHistoryLimit"):
        if name not in spec:
            yield name
    if "activeDeadlineSeconds" not in spec["workflowSpec"]:
        yield "workflowSpec.activeDeadlineSeconds"


@rule("object", "a kind of jobs has a deadline, and nothing but dispatch removes what it leaves: it reads it "
                "first")
def kinds(obj):
    if obj.kind_of_jobs:
        if not obj.workflow.get("activeDeadlineSeconds"):
            yield "activeDeadlineSeconds"
        yield from (name for name in ("ttlStrategy", "podGC") if name in obj.workflow)


@rule("object", "the executor's own rule is all that anybody is granted, but for the jobs' service")
def grants(obj):
    if obj.kind in ("ClusterRole", "ClusterRoleBinding"):
        yield obj.kind
    if obj.kind == "Role":
        allowed = GRANTS.get((obj.namespace, obj.body["metadata"]["name"]),
                             [(["argoproj.io"], ["workflowtaskresults"], ["create", "patch"])])
        for granted in obj.body["rules"]:
            if (granted["apiGroups"], granted["resources"], granted["verbs"]) not in allowed:
                yield str(granted)


@rule("object", "RuntimeClasses have names of our own: clusters bring others")
def classes(obj):
    own = (EXPERIMENT, "gvisor-smoke-")
    if obj.kind == "RuntimeClass" and not obj.body["metadata"]["name"].startswith(own):
        yield "metadata.name"


# --- all of it --------------------------------------------------------------------------------


@rule("all", "every pod is denied what no network policy allows")
def denied(objects):
    denials = [(o.namespace, o.body["spec"]["podSelector"].get("matchLabels", {})) for o in objects
               if o.kind == "NetworkPolicy"
               and set(o.body["spec"].get("policyTypes", [])) == {"Ingress", "Egress"}
               and not o.body["spec"].get("ingress") and not o.body["spec"].get("egress")
               and "matchExpressions" not in o.body["spec"]["podSelector"]]
    for obj in objects:
        for pod in pods(obj) if not obj.experiment and not obj.installer else ():
            if not any(namespace == obj.namespace and denial.items() <= pod.labels.items()
                       for namespace, denial in denials):
                yield pod.title


@rule("all", "workflows list every parameter of their entrypoint: `argo retry -p` keeps only those")
def listed(objects):
    def names(parameters):
        return {p["name"] for p in parameters.get("parameters", []) if p.get("value") is not None}
    templates = {o.body["metadata"]["name"]: o.body["spec"] for o in objects if o.kind == "WorkflowTemplate"}
    for obj in objects:
        spec = obj.body.get("spec", {})
        spec = spec.get("workflowSpec", spec)
        if template := templates.get(spec.get("workflowTemplateRef", {}).get("name")):
            entrypoint = spec.get("entrypoint", template["entrypoint"])
            taken = {name for called in template["templates"] if called["name"] == entrypoint
                     for name in names(called.get("inputs", {}))}
            mine = names(spec.get("arguments", {}))
            yield from (f"{obj.title}: {name}" for name in
                        sorted((taken - mine) | (mine - taken - names(template["arguments"]))))


@rule("all", "metrics of one name have one help text and the same labels")
def same_metrics(objects):
    seen = {}
    for obj in objects:
        for template in (obj.workflow or {}).get("templates", []):
            for metric in template.get("metrics", {}).get("prometheus", []):
                said = metric["help"], [label["key"] for label in metric.get("labels", [])]
                if seen.setdefault(metric["name"], said) != said:
                    yield f"{obj.title}: {metric['name']}"


@rule("all", "`kubectl apply -k` applies what the runs need, and starts none")
def applied(objects):
    applied_files = [name for o in objects if o.kind == "Kustomization"
                     for name in o.body.get("resources", [])]
    other = ("Workflow", "CronWorkflow", "Kustomization", "Component")
    for obj in objects if applied_files else ():
        if (obj.kind in other) == (obj.file.rpartition("/")[2] in applied_files):
            yield obj.title


def subjects(name, scope, objects):
    """What a rule is asked about, as (title, arguments)."""
    if name in NOT_OF_THE_EXPERIMENT:
        objects = [obj for obj in objects if not obj.experiment]
    if name in NOT_OF_KINDS:
        objects = [obj for obj in objects if not obj.kind_of_jobs]
    if name in NOT_OF_THE_INSTALLER:
        objects = [obj for obj in objects if not obj.installer]
    if scope == "all":
        yield "", (objects,)
        return
    for obj in objects:
        if scope == "object":
            yield f"{obj.title}: ", (obj,)
        elif scope == "workflow":
            if obj.workflow:
                yield f"{obj.title}: ", (obj.workflow,)
        else:
            for pod in pods(obj):
                if scope == "pod":
                    yield f"{pod.title}: ", (pod,)
                    continue
                for container in pod.containers:
                    yield f"{pod.title}: {container.get('name', 'main')}: ", (container, pod)


def broken(objects):
    """The rules that objects break, as (name, where and what)."""
    for name, (scope, text, function) in RULES.items():
        for title, arguments in subjects(name, scope, objects):
            for where in function(*arguments):
                yield name, f"{title}{where}: {text}"


def load(files):
    return [Object(file, body) for file in files for body in yaml.safe_load_all(open(file)) if body]


if __name__ == "__main__":
    findings = [finding for _, finding in broken(load(sys.argv[1:]))]
    print("\n".join(findings), end="\n" if findings else "")
    sys.exit(bool(findings))
