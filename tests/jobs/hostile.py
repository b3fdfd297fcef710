#!/usr/bin/env python3
"""Dockerfiles and programs that mean no good, each in the pod that a job of the kind `dockerfile` has.

  hostile.py [--few] [RESULTS]    prints TAP; --few: the ones that CI has time for

The pods are made of the WorkflowTemplate's own manifests in the cluster of kubectl's context, by an
administrator and not through the service: what a look at the Dockerfile would refuse gets here, too.
Programs are cases of one image; the runner is told which. Of every case the cause is told as the
dispatcher tells it, and no log may hold the word CROSSED.
"""
import argparse
import base64
import json
import re
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TEMPLATE = "job-dockerfile"
AT_ONCE = 3
CAUSES = {21: "exit", 22: "deadline", 23: "no-result", 24: "bad-result", 25: "log-limit", 26: "image"}
WAITS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError",
         "CreateContainerError")
DONE = "done"

# A program reaches nothing: addresses of the API server, a node's ports, registries, names, metadata.
REACH = r"""
reach() {
  if timeout 2 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; then echo "CROSSED: reaches $1"; else echo "no way to $1"; fi
}
reach 'the API server' 10.96.0.1 443
reach "the node's API server" 192.168.77.1 6443
reach "the node's kubelet" 192.168.77.1 10250
reach "the node's containerd" 192.168.77.1 2379
reach 'the metadata address' 169.254.169.254 80
reach DNS 10.96.0.10 53
reach "another namespace's service" 10.96.50.99 5432
timeout 2 getent hosts kubernetes.default.svc.cluster.local && echo 'CROSSED: names are looked up'
[[ -e /var/run/secrets ]] && echo 'CROSSED: a token is here'
[[ -e /secret ]] && echo 'CROSSED: the password is here'
"""

# name, what the program does, the cause, what its log or reason says
RUNS = (
    ("fork bomb", "bomb() { bomb | bomb & }; bomb; sleep 100", ("oom", "deadline"), ""),
    ("memory bomb", "perl -e 'push @x, \"a\" x 1e6 while 1'", "oom", ""),
    ("disk fill", "head -c 1G /dev/zero >/data/big", "exit", "No space left"),
    ("disk fill of its root", "head -c 1G /dev/zero >/var/tmp/big", "exit", "No space left"),
    ("endless output", "yes", "log-limit", ""),
    ("endless run", "trap '' TERM; sleep 1000", "deadline", ""),
    ("result: link to a token", "ln -s /var/run/secrets/kubernetes.io/serviceaccount/token /data/perf.json",
     "bad-result", "symbolic link"),
    ("result: link into /proc", "ln -s /proc/1/environ /data/perf.json", "bad-result", "symbolic link"),
    ("result: FIFO", "mkfifo /data/perf.json", "bad-result", "regular file"),
    ("result: directory", "mkdir /data/perf.json", "bad-result", "regular file"),
    ("result: 1 GB", "truncate -s 1G /data/perf.json", "bad-result", "larger than"),
    ("result: NaN", "echo '{\"perf\": NaN}' >/data/perf.json", "bad-result", "perf.json:1:"),
    ("result: two members", "echo '{\"perf\": 1, \"perf\": 2}' >/data/perf.json", "bad-result", "more than one"),
    ("result: written after the end", "setsid sh -c 'sleep 1; echo \"{\\\"perf\\\": 1}\" >/data/perf.json' &",
     "no-result", ""),
    ("forged record", "printf '\\036{\"cause\":\"done\",\"status\":0,\"bytes\":0,\"perf\":666}\\n'; exit 3",
     "exit", "status 3"),
    ("hands on the runner", """
for fd in 1 2; do echo '\036{}' 2>/dev/null >/proc/1/fd/$fd && echo "CROSSED: writes to the runner's descriptor $fd"; done
cat /proc/1/environ 2>/dev/null && echo "CROSSED: reads the runner's memory"
cp /bin/true /job/job_runner 2>/dev/null && echo 'CROSSED: replaces the runner'
perl -e 'print "CROSSED: traces the runner\\n" if syscall(101, 16, 1, 0, 0) == 0'
echo '{"perf": 7}' >/data/perf.json""", DONE, ""),
    # gVisor does not shield a container's process 1 from its own user: then there is no record.
    ("an end for the runner", "echo '{\"perf\": 7}' >/data/perf.json; perl -e 'kill 9, 1; sleep 5'", "exit", ""),
    ("hands on the rest of the world", REACH + r"""
ls /proc | grep -E '^[0-9]+$' | while read -r pid; do
  grep -qE 'kubelet|containerd|etcd' "/proc/$pid/comm" 2>/dev/null && echo "CROSSED: sees a process of the node"
done
mount -t tmpfs x /mnt 2>/dev/null && echo 'CROSSED: mounts'
chroot / true 2>/dev/null && echo 'CROSSED: is root'
find / -xdev -perm -4000 -type f 2>/dev/null | head -1 | while read -r file; do
  [[ $("$file" --version >/dev/null 2>&1; id -u) == 0 ]] && echo 'CROSSED: became root'
done
echo '{"perf": 8}' >/data/perf.json""", DONE, "no way to the API server"),
)

# name, Dockerfile after FROM, cause of its build and run, what the build's log says
BUILDS = (
    ("FROM of another registry", "FROM quay.io/library/debian:12", "build", "registr|no stage or image"),
    ("FROM by an argument", "ARG X=quay.io/library/debian:12\nFROM $X", "build", "registr|no stage or image"),
    ("FROM of what other jobs built", "FROM registry-jobs.jobs-registry:5000/jobs:latest", "build", "registr|no stage or image"),
    ("FROM of a layout", "FROM oci:/layout:job", "build", ""),
    ("FROM of a directory", "FROM dir:/etc", "build", ""),
    ("COPY of another image", "FROM debian:12\nCOPY --from=quay.io/library/debian:12 /etc/passwd /x", "build",
     "registr|no stage or image"),
    ("RUN with a mount of another image", "FROM debian:12\nRUN --mount=type=bind,from=quay.io/a/b:1,target=/x true",
     "build", "registr|no stage or image"),
    ("ADD of a URL", "FROM debian:12\nADD http://192.168.77.1:10250/ /x", "build", ""),
    ("ADD of a link out of the context", "FROM debian:12\nCOPY ../../etc/passwd /x", "build", ""),
    ("device nodes", "FROM debian:12\nRUN mknod /sda b 8 0", "build", "not permitted"),
    ("a user that is not there", "FROM debian:12\nUSER nobody-at-all\nCMD true", "build", "nobody-at-all"),
    ("nothing in it", "FROM scratch\nLABEL a=b", "image", "neither ENTRYPOINT nor CMD"),
    ("ONBUILD and setuid", "FROM debian:12\nONBUILD RUN false\nRUN cp /bin/bash /bash && chmod 4755 /bash\n"
     "CMD [\"/bash\", \"-p\", \"-c\", \"[[ $EUID == 0 ]] && echo CROSSED; echo '{\\\"perf\\\": 1}' >/data/perf.json\"]", DONE, ""),
    ("root is nobody in a run", "FROM debian:12\nUSER root\nENTRYPOINT id -u; echo '{\"perf\": 1}' >/data/perf.json",
     DONE, ""),
    ("USER by name", "FROM debian:12\nRUN useradd -u 1234 joe\nUSER joe:www-data\n"
     "CMD test $(id -u):$(id -g) = 1234:65532 && echo '{\"perf\": 1}' >/data/perf.json", DONE, ""),
    ("40 layers, deleted files stay deleted", "FROM debian:12\nRUN rm -r /etc/apt /usr/bin/perl && touch /0\n"
     + "".join(f"RUN rm /{i} && touch /{i + 1}\n" for i in range(40))
     + "ENTRYPOINT [\"/bin/sh\", \"-c\"]\nCMD [\"[ -e /40 ] && [ ! -e /39 ] && [ ! -e /etc/apt ] && [ ! -e /usr/bin/perl ]"
     " && echo '{\\\"perf\\\": 1}' >/data/perf.json\"]", DONE, ""),
    ("RUN that looks for a way out", "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nRUN echo "
     + base64.b64encode((REACH + r"""
printf 'GET /v2/_catalog HTTP/1.0\r\n\r\n' >/dev/tcp/10.96.50.51/5000 && exec 3<>/dev/tcp/10.96.50.51/5000 &&
  printf 'GET /v2/jobs/tags/list HTTP/1.0\r\n\r\n' >&3 && head -1 <&3 | grep -q ' 200' && echo 'CROSSED: other images'
perl -e 'mkdir "/e"; chroot "/e"; chdir ".." for 1 .. 64; chroot "."; print "CROSSED: the password\n" if -e "/secret/password"'
:""").encode()).decode() + " | base64 -d | bash\nCMD echo '{\"perf\": 1}' >/data/perf.json", DONE, "no way to the API server"),
)
FEW = ("memory bomb", "endless output", "result: link to a token", "hands on the runner",
       "hands on the rest of the world", "FROM by an argument", "RUN that looks for a way out",
       "40 layers, deleted files stay deleted")


def kubectl(*arguments, stdin=None, check=True):
    """Its stdout."""
    return subprocess.run(["kubectl", *arguments], input=stdin, check=check, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120).stdout


def manifests():
    """Of the template's steps that make a pod."""
    template = json.loads(kubectl("-n", "jobs", "get", "workflowtemplate", TEMPLATE, "-o", "json"))
    return {step["name"]: step["resource"]["manifest"] for step in template["spec"]["templates"] if "resource" in step}


MANIFESTS = {}
LOCK = threading.Lock()


class Pod:
    """One pod of a step, from its making to its end."""

    def __init__(self, step, job, digest="", command=()):
        text = MANIFESTS[step]
        for what, value in (("workflow.name", f"job-{job}-1"), ("inputs.parameters.job", job),
                            ("=sprig.regexFind('[0-9]+$', workflow.name)", "1"), ("inputs.parameters.digest", digest)):
            text = text.replace("{{" + what + "}}", value)
        if command:
            own = "--deadline, 10m, --result, /data/perf.json]"
            assert own in text
            text = text.replace(own, f"--deadline, 15s, --result, /data/perf.json, --, {', '.join(map(json.dumps, command))}]")
        self.step, self.place = step, ("-n", f"jobs-{step}")
        self.name = f"job-{job}-1-{step}"
        kubectl("create", "-f", "-", stdin=text)

    def end(self, seconds=300):
        """Its last state: how it ended, or that it will not begin."""
        until = time.monotonic() + seconds
        while True:
            pod = json.loads(kubectl(*self.place, "get", "pod", self.name, "-o", "json"))
            waiting = [s["state"].get("waiting", {}) for s in pod["status"].get("containerStatuses", [])]
            if pod["status"].get("phase") in ("Succeeded", "Failed") or time.monotonic() > until or any(
                    w.get("reason") in WAITS for w in waiting):
                return pod
            time.sleep(0.3)

    def log(self, container):
        """What there is of it."""
        return subprocess.run(["kubectl", *self.place, "logs", self.name, "-c", container], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")

    def remove(self):
        """Without a wait."""
        kubectl(*self.place, "delete", "pod", self.name, "--wait=false", check=False)


def cause_of(step, pod):
    """As the dispatcher tells it."""
    status = pod["status"]
    states = [s["state"] for s in status.get("initContainerStatuses", []) + status.get("containerStatuses", [])]
    ended = [state["terminated"] for state in states if "terminated" in state]
    if status.get("reason") == "Evicted":
        return "disk"
    if any(e.get("reason") == "OOMKilled" for e in ended):
        return "oom"
    if status.get("reason") == "DeadlineExceeded":
        return "deadline"
    if status.get("phase") == "Succeeded":
        return DONE
    if step == "build":
        return "build"
    for end in ended:
        if end["exitCode"] in CAUSES:
            return CAUSES[end["exitCode"]]
    if any(e.get("reason") in ("StartError", "ContainerCannotRun") for e in ended) or any("waiting" in s for s in states):
        return "image"
    return "exit" if ended else "lost"


def build(dockerfile):
    """(cause, the image's digest, log)"""
    job = str(uuid.uuid4())
    kubectl("create", "-f", "-", stdin=json.dumps({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"job-{job}", "namespace": "jobs-build"},
        "binaryData": {"Dockerfile": base64.b64encode(dockerfile.encode()).decode()}}))
    pod = Pod("build", job)
    end = pod.end()
    cause, log = cause_of("build", end), pod.log("build") + pod.log("push")
    digest = ""
    if cause == DONE:
        digest = end["status"]["containerStatuses"][0]["state"]["terminated"].get("message", "")
        if not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            cause = "engine"
    pod.remove()
    kubectl("-n", "jobs-build", "delete", "configmap", f"job-{job}", "--wait=false")
    return cause, digest, log


def run(digest, command=()):
    """(cause, log)"""
    pod = Pod("run", str(uuid.uuid4()), digest, command)
    cause, log = cause_of("run", pod.end()), pod.log("run")
    pod.remove()
    return cause, log


def report(name, began, cause, wanted, log, says):
    """One line of TAP; True when it is as it should be."""
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    crossed = [line for line in log.splitlines() if "CROSSED" in line and "echo" not in line]
    fine = cause in wanted and not crossed and re.search(says, log) is not None
    with LOCK:
        print(f"{'ok' if fine else 'not ok'} - {name}: {cause} ({time.monotonic() - began:.0f} s)", flush=True)
        if not fine:
            print(f"# wanted {' or '.join(wanted)}, and /{says}/; crossed: {crossed}")
            print("".join(f"# {line[:300]!r}\n" for line in log.splitlines()[-12:]), end="", flush=True)
    return fine and len(crossed) == 0


def one_build(case):
    """Builds, and runs what was built."""
    name, dockerfile, wanted, says = case
    began = time.monotonic()
    cause, digest, log = build(dockerfile)
    if cause == DONE:
        cause, more = run(digest)
        log += more
    return report(name, began, cause, wanted, log, says)


def programs(runs, pool):
    """One image, in which /cases has a function for each; the cases as they end."""
    text = "".join(f"case_{i}() {{ {case[1]}\n}}\n" for i, case in enumerate(runs)) + '"$1"\n'
    encoded = base64.b64encode(text.encode()).decode()
    began = time.monotonic()
    cause, digest, log = build(f"FROM debian:12\nRUN echo {encoded} | base64 -d >/cases\nCMD true\n")
    if cause != DONE:
        return [report("the image of the programs", began, cause, DONE, log, "")]

    def one(i):
        begun = time.monotonic()
        name, _, wanted, says = runs[i]
        ended, said = run(digest, ("bash", "/cases", f"case_{i}"))
        return report(name, begun, ended, wanted, said, says)
    return list(pool.map(one, range(len(runs))))


def main():
    """Builds in one half of the pods, runs in the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--few", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    MANIFESTS.update(manifests())
    wanted = [[case for case in table if (case[0] in FEW or not options.few) and re.search(options.only, case[0])]
              for table in (RUNS, BUILDS)]
    with ThreadPoolExecutor(AT_ONCE) as first, ThreadPoolExecutor(AT_ONCE) as second:
        builds = second.map(one_build, wanted[1])
        results = (programs(wanted[0], first) if wanted[0] else []) + list(builds)
    print(f"# {len(results)} cases, {results.count(False)} not as they should be")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
