#!/usr/bin/env python3
"""Jobs' logs on a real node, byte for byte: job_logs.py FOLLOW_LOGS NAMESPACE CONTAINERS [FOLLOWERS]

Makes containers (PER_POD, 4) that print known outputs of many shapes, with FOLLOW_LOGS keeps what they
print in the PostgreSQL of PG* (whose schema is there), and compares sizes and SHA-256 with what each
container says of itself in its termination message. Beside them pods that are deleted or evicted in the
middle. Prints one JSON object; status 1 where something is not as it must be. KUBECONFIG is an admin's.

No output has a carriage return before a line end: containerd drops it (docs/jobs.md).
"""
import base64
import collections
import http.client
import json
import os
import random
import re
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

A_POD, AT_ONCE, MIB = int(os.environ.get("PER_POD", "4")), 15, 1 << 20
TIMEOUT_S = float(os.environ.get("TIMEOUT_S", "300"))
SAYS = 'printf "%s %s" "$(sha256sum <f | cut -c 1-64)" "$(wc -c <f)" >/dev/termination-log'
BYTES = "tr -d '\\r' </dev/urandom | head -c {size} >f"
SHAPES = {  # how f is made, and how it is printed
    "empty": (": >f", "cat f"),
    "quick": ("echo quick >f", "cat f"),
    "text": ("base64 /dev/urandom | head -c {size} >f", "cat f"),
    "binary": (BYTES, "cat f"),
    "no-line-end": (BYTES + "; printf 'no end' >>f", "cat f"),
    "long-line": ("tr -d '\\r\\n' </dev/urandom | head -c {size} >f", "cat f"),
    "slow": (BYTES, "for at in 0 1 2 3; do tail -c +$((at * {quarter} + 1)) f | head -c {quarter}; sleep 0.4; done"),
}


class Kube:
    """The API as an admin."""

    def __init__(self):
        config = json.loads(run("kubectl", "config", "view", "--raw", "-o", "json"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url = urllib.parse.urlsplit(cluster["server"])
        self.authority = base64.b64decode(cluster["certificate-authority-data"])
        self.context = ssl.create_default_context(cadata=self.authority.decode())
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(user["client-certificate-data"]) + b"\n" +
                       base64.b64decode(user["client-key-data"]))
            file.flush()
            self.context.load_cert_chain(file.name)
        self.local = threading.local()

    def ask(self, method, path, body=None):
        for again in (True, False):
            if getattr(self.local, "wire", None) is None:
                self.local.wire = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=60,
                                                              context=self.context)
            try:
                self.local.wire.request(method, path, body and json.dumps(body),
                                        {"Content-Type": "application/json"})
                answer = self.local.wire.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.local.wire = None
                if not again:
                    raise
        if answer.status >= 300 and answer.status != 404:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text)


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def sql(statement):
    return [line.split("|") for line in run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", "SET search_path = jobs",
                                             "-c", statement).splitlines()]


class Followers:
    """follow_logs with an account that may read pods and their logs in one namespace."""

    def __init__(self, kube, program, namespace, count):
        self.ended, self.changed = {}, threading.Condition()
        self.home = tempfile.mkdtemp()
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
                 {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]
        api, meta = "rbac.authorization.k8s.io", {"name": "follower"}
        kube.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": meta})
        kube.ask("POST", f"/apis/{api}/v1/namespaces/{namespace}/roles", {"metadata": meta, "rules": rules})
        kube.ask("POST", f"/apis/{api}/v1/namespaces/{namespace}/rolebindings", {
            "metadata": meta, "roleRef": {"apiGroup": api, "kind": "Role", "name": "follower"},
            "subjects": [{"kind": "ServiceAccount", "name": "follower", "namespace": namespace}]})
        token = kube.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/follower/token", {"spec": {}})
        for name, data in (("token", token["status"]["token"].encode()), ("ca.crt", kube.authority)):
            with open(f"{self.home}/{name}", "wb") as file:
                file.write(data)
        env = os.environ | {"KUBERNETES_SERVICE_HOST": kube.url.hostname, "PGUSER": "jobs_dispatch",
                            "KUBERNETES_SERVICE_PORT": str(kube.url.port), "PGPASSWORD": "dispatch"}
        self.programs = [subprocess.Popen([program, self.home], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          text=True, env=env) for _ in range(count)]
        for one in self.programs:
            threading.Thread(target=self.listen, args=(one,), daemon=True).start()

    def listen(self, one):
        for line in one.stdout:
            words = line.split()
            if words[0] == "ended":
                with self.changed:
                    self.ended[words[1]] = words[2]
                    self.changed.notify_all()

    def tell(self, line):
        for one in self.programs:
            one.stdin.write(line + "\n")
            one.stdin.flush()

    def wait(self, jobs, least, until):
        """The jobs that have ended, as soon as they are `least`."""
        with self.changed:
            while True:
                done = [job for job in jobs if job in self.ended]
                if len(done) >= least or time.monotonic() > until:
                    return done
                self.changed.wait(0.2)

    def peak_kib(self):
        found = []
        for one in self.programs:
            with open(f"/proc/{one.pid}/status", encoding="ascii") as file:
                found.append(int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]))
        return max(found)

    def stop(self):
        for one in self.programs:
            one.stdin.close()
        return [one.wait(10) for one in self.programs]


def pod(name, containers, volumes=()):
    for container in containers:
        container |= {"image": "busybox", "imagePullPolicy": "IfNotPresent", "workingDir": "/tmp",
                      "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}
    return {"metadata": {"name": name, "labels": {"made-by": "job-logs"}},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": containers,
                     "automountServiceAccountToken": False, "enableServiceLinks": False, "volumes": list(volumes)}}


def shaped(number, chance):
    shape = list(SHAPES)[number % len(SHAPES)]
    if number % 50 == 3:
        shape, size = "binary", 8 * MIB
    else:
        size = 4 * int(2 ** chance.uniform(0, 18))  # 4 bytes to 1 MiB
    make, say = (text.format(size=size, quarter=size // 4) for text in SHAPES[shape])
    return {"name": f"c{number}", "command": ["sh", "-c", f"{make}; {SAYS}; {say}"]}


class Test:
    def __init__(self, program, namespace, containers, followers):
        self.kube, self.namespace = Kube(), namespace
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        sql("INSERT INTO owner (name) VALUES ('logs') ON CONFLICT DO NOTHING")
        count = -(-containers // A_POD)
        self.jobs = [row[0] for row in sql(
            "INSERT INTO job (owner, number, kind, parameters, digest, state) SELECT o.id, n, 'k', '{}',"
            " decode(repeat('00', 32), 'hex'), 'running' FROM owner o, generate_series((SELECT coalesce(max(number), 0)"
            f" FROM job) + 1, (SELECT coalesce(max(number), 0) FROM job) + {count + 4}) n WHERE o.name = 'logs'"
            " RETURNING id")]
        self.cut_jobs = [self.jobs.pop() for _ in range(4)]
        self.followers = Followers(self.kube, program, namespace, followers)
        self.said, self.chance, self.containers = {}, random.Random(1), containers

    def start(self, job, made):
        uid = self.kube.ask("POST", self.pods, made)["metadata"]["uid"]
        for container in made["spec"]["containers"]:
            self.followers.tell(f"follow {job} {self.namespace} {made['metadata']['name']} {uid}"
                                f" {container['name']} {container['name']}")
        self.followers.tell(f"close {job}")

    def remove(self, name):
        self.kube.ask("DELETE", f"{self.pods}/{name}", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})

    def print_all(self, until):
        """All containers, few pods at a time; what each says of itself into self.said."""
        left, under_way, number = collections.deque(self.jobs), {}, 0
        while left or under_way:
            while left and len(under_way) < AT_ONCE:
                job = left.popleft()
                made = [shaped(n, self.chance) for n in range(number, min(number + A_POD, self.containers))]
                under_way[job] = f"logs-{number}"
                number += A_POD
                self.start(job, pod(under_way[job], made))
            done = self.followers.wait(under_way, 1, until)
            if not done:
                return
            for job in done:
                name = under_way.pop(job)
                for status in self.kube.ask("GET", f"{self.pods}/{name}")["status"]["containerStatuses"]:
                    ended = status["state"].get("terminated", {})
                    self.said[job, status["name"]] = ended.get("message", "").split()
                self.remove(name)

    def cut_all(self, until):
        """Deleted with and without mercy, evicted by the API, evicted by the kubelet."""
        names = ["deleted", "killed", "api-evicted", "kubelet-evicted"]
        for job, name in zip(self.cut_jobs, names):
            volumes, more = [], {}
            if name == "kubelet-evicted":
                volumes = [{"name": "small", "emptyDir": {"sizeLimit": "1Mi"}}]
                more = {"volumeMounts": [{"name": "small", "mountPath": "/small"}]}
            script = "echo begun; [ ! -d /small ] || head -c 9000000 /dev/zero >/small/f; sleep 600"
            self.start(job, pod(name, [{"name": "c", "command": ["sh", "-c", script]} | more], volumes))
        ids = ",".join(f"'{job}'" for job in self.cut_jobs)
        while sql(f"SELECT count(*) FROM log_source WHERE job IN ({ids}) AND stored = 6")[0] != ["4"]:
            if time.monotonic() > until:
                raise RuntimeError("the pods that are to be cut off did not begin")
            time.sleep(0.2)
        self.kube.ask("DELETE", f"{self.pods}/deleted", {})
        self.remove("killed")
        self.kube.ask("POST", f"{self.pods}/api-evicted/eviction",
                      {"apiVersion": "policy/v1", "kind": "Eviction",
                       "metadata": {"name": "api-evicted", "namespace": self.namespace}})
        self.followers.wait(self.cut_jobs, 4, until)
        return {name: sql(f"SELECT complete, reason FROM log_end WHERE job = '{job}'")
                for job, name in zip(self.cut_jobs, names)}

    def judge(self, cut, seconds):
        wrong = []
        rows = {(job, container): rest for job, container, *rest in sql(
            "SELECT s.job, s.container, coalesce(s.complete, false), s.reason, s.stored, s.expected, (SELECT encode("
            "sha256(coalesce(string_agg(l.bytes, '' ORDER BY at_byte), '')), 'hex') FROM log l WHERE l.job = s.job"
            " AND l.at_byte >= s.from_byte AND l.at_byte < s.from_byte + s.stored) FROM log_source s")}
        wrote = stored = 0
        for key, said in self.said.items():
            complete, reason, kept, expected, digest = rows[key]
            wrote, stored = wrote + int(said[1]), stored + int(kept)
            if complete != "t" or [digest, kept] != said or expected != said[1]:
                wrong.append(f"{key[1]}: said {said}, is {rows[key]}, {reason}")
        gaps = sql("SELECT count(*) FROM (SELECT at_byte, lag(at_byte + length(bytes), 1, 0::bigint) OVER (PARTITION BY"
                   " job ORDER BY at_byte) AS before FROM log) l WHERE at_byte <> before")[0][0]
        if len(self.said) != self.containers or gaps != "0":
            wrong.append(f"{len(self.said)} of {self.containers} containers ended, {gaps} gaps")
        for name, found in cut.items():
            if not (len(found) == 1 and found[0][0] == "f" and re.search("deleted|evicted|gone", found[0][1])):
                wrong.append(f"{name}: {found}")
        largest = sql("SELECT max(length(bytes)) FROM log")[0][0]
        return {"ok": not wrong, "containers": len(self.said), "bytes_written": wrote, "bytes_stored": stored,
                "cut_off": {name: found[0][1] if found else None for name, found in cut.items()},
                "seconds": round(seconds, 1), "followers": len(self.followers.programs),
                "peak_rss_kib": self.followers.peak_kib(), "largest_chunk": int(largest), "wrong": wrong[:20]}


def main(program, namespace, containers, followers="1"):
    test, cut = Test(program, namespace, int(containers), int(followers)), {}
    began = time.monotonic()
    until = began + TIMEOUT_S

    def cut_off():
        cut.update(test.cut_all(until))

    beside = threading.Thread(target=cut_off)
    beside.start()
    test.print_all(until)
    beside.join()
    report = test.judge(cut, time.monotonic() - began)
    report["ok"] = report["ok"] and test.followers.stop() == [0] * int(followers)
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
