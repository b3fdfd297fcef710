"""Argo's controller and the kubelet, as far as a dispatcher sees them, for Workflows of a Store.

A Workflow does what its script says: its parameter `script` names one, else its template's name does.
Suspended ones make no pod. Times are milliseconds.
"""
import collections
import copy
import heapq
import itertools
import sys
import threading
import time
import traceback

from fake_store import Refused, now

JOB, ATTEMPT, STEP = "argo-steps/job", "argo-steps/attempt", "argo-steps/step"
HOME = "jobs"  # the namespace of Workflows


def pod(ms=30, end="ok", lines=3, **more):
    """end: ok, exit, oom, evicted, overfull, deadline, image, vanish, for-ever."""
    return {"namespace": HOME, "step": "", "container": "main", "start_ms": 10, "ms": ms, "end": end,
            "lines": lines, "record": "", **more}


def script(*pods, phase="", outputs=None, argo="works"):
    """argo: works, silent (no phase ever), secure (Error without nodes), stuck (Running for good, but
    for a change of its annotations, once a pod failed)."""
    return {"pods": list(pods), "phase": phase, "outputs": outputs or {}, "argo": argo, "start_ms": 5}


SCRIPTS = {
    "ok": script(pod()),
    "number": script(pod(), outputs={"perf": "1.5"}),
    "two-pods": script(pod(), pod(), outputs={"perf": "2.5"}),
    "no-pods": script(),
    "exit": script(pod(end="exit")),
    "oom": script(pod(end="oom"), argo="stuck"),
    "evicted": script(pod(end="evicted")),
    "overfull": script(pod(end="overfull"), outputs={"perf": "1.5"}),
    "deadline": script(pod(end="deadline")),
    "image": script(pod(end="image")),
    "vanish": script(pod(end="vanish", ms=60)),
    "for-ever": script(pod(end="for-ever")),
    "bad-number": script(pod(), outputs={"perf": "many"}),
    "no-number": script(pod(), outputs={"perf": "NaN"}),
    "engine": script(pod(), phase="Error"),
    "recorded": script(pod(namespace="jobs-build", step="build", container="build"),
                       pod(namespace="jobs-run", step="run", container="run", record="done")),
    "record-exit": script(pod(namespace="jobs-run", step="run", container="run", record="exit", end="runner")),
    "record-cut": script(pod(namespace="jobs-run", step="run", container="run")),
    "build-for-ever": script(pod(namespace="jobs-build", step="build", container="build", end="for-ever")),
    "silent": script(argo="silent"),
    "secure": script(argo="secure"),
}
# What job_runner says last: a record, after the mark that begins it.
RECORDS = {"done": '{"cause":"done","status":0,"bytes":%d,"perf":0.99}',
           "exit": '{"cause":"exit","status":3,"bytes":%d,"why":"it ended with status 3"}'}
# How a container ends: exit code, its reason, the pod's phase and reason.
ENDS = {
    "ok": (0, "Completed", "Succeeded", None),
    "exit": (3, "Error", "Failed", None),
    "oom": (137, "OOMKilled", "Failed", None),
    "runner": (21, "Error", "Failed", None),
    "evicted": (137, "Error", "Failed", "Evicted"),
    "overfull": (0, "Completed", "Succeeded", None),  # ended well while it was being evicted
    "deadline": (143, "Error", "Failed", "DeadlineExceeded"),
    "killed": (143, "Error", "Failed", None),
}


class Clock(threading.Thread):
    """Calls functions later, one at a time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.wake, self.heap, self.order, self.failed = threading.Condition(), [], itertools.count(), []
        self.start()

    def later(self, ms, function, *arguments):
        with self.wake:
            entry = (time.monotonic() + ms / 1000, next(self.order), function, arguments)
            heapq.heappush(self.heap, entry)
            if self.heap[0] is entry:
                self.wake.notify()

    def run(self):
        while True:
            with self.wake:
                while not self.heap or self.heap[0][0] > time.monotonic():
                    self.wake.wait(self.heap[0][0] - time.monotonic() if self.heap else None)
                _, _, function, arguments = heapq.heappop(self.heap)
            try:
                function(*arguments)
            except Exception:  # pylint: disable=broad-except # the fake's own fault: tests look here
                self.failed.append(traceback.format_exc())
                traceback.print_exc(file=sys.stderr)


class Play:
    """What has become of one Workflow."""

    def __init__(self, key, thing, the_script):
        self.key, self.uid, self.script = key, thing["metadata"]["uid"], the_script
        labels = thing["metadata"].get("labels", {})
        self.labels = {name: labels[name] for name in (JOB, ATTEMPT) if name in labels}
        self.job = labels.get(JOB, "")
        self.at, self.begun, self.ended, self.spoken = 0, False, False, False
        self.annotations = None  # at the time it got stuck
        self.pods, self.nodes = [], {}
        self.ran = 0             # containers that started


class Argo:
    def __init__(self, store):
        self.store, self.clock = store, Clock()
        self.scripts, self.default = copy.deepcopy(SCRIPTS), "ok"
        self.gc_ms, self.grace_ms, self.look_ms, self.pause = 20, 20, 5, threading.Event()
        self.plays, self.logs = {}, {}  # uid -> Play; (pod's uid, container) -> [(time, line)]
        self.adopted, self.overlaps = [], []
        self.written = collections.defaultdict(list)  # job -> lines of its containers
        store.listeners.append(self.heard)

    # What changed, under the store's lock: looked at a little later, as a controller does.
    def heard(self, kind, key, thing):
        uid = thing["metadata"]["uid"]
        if kind == "DELETED":
            self.clock.later(self.gc_ms, self.collect, uid)
            if key[0] == "pods":
                self.clock.later(self.look_ms, self.pod_gone, key, uid)
        elif key[0] == "workflows":
            self.clock.later(self.look_ms, self.look, key, uid)
        if kind == "ADDED":
            self.clock.later(self.gc_ms, self.orphan, key, uid)

    def exists(self, play):
        thing = self.store.find(play.key)
        return thing is not None and thing["metadata"]["uid"] == play.uid

    def set(self, play, status, **more):
        labels = {}
        if status.get("phase") in ("Succeeded", "Failed", "Error"):
            status = {**status, "finishedAt": now()}
            labels = {"workflows.argoproj.io/completed": "true"}
        labels["workflows.argoproj.io/phase"] = status.get("phase", "Running")
        self.store.change(play.key, play.uid, {"metadata": {"labels": labels}, "status": status, **more})

    def look(self, key, uid):
        thing = self.store.find(key)
        if thing is None or thing["metadata"]["uid"] != uid:
            return
        if self.pause.is_set():
            self.clock.later(20, self.look, key, uid)
            return
        spec = thing["spec"]
        if uid not in self.plays:
            wanted = {p["name"]: p.get("value") for p in spec.get("arguments", {}).get("parameters", [])}
            name = wanted.get("script", spec.get("workflowTemplateRef", {}).get("name"))
            self.plays[uid] = Play(key, thing, self.scripts.get(name, self.scripts[self.default]))
        play = self.plays[uid]
        if play.ended or play.script["argo"] == "silent":
            return
        if not play.spoken:
            play.spoken = True
            if play.script["argo"] == "secure":
                play.ended = True
                self.set(play, {"phase": "Error", "message": "workflows must use workflowTemplateRef"})
                return
            self.set(play, {"phase": "Running", "startedAt": now()})
        if play.annotations not in (None, thing["metadata"].get("annotations", {})):
            self.finish(play, "Failed", "OOMKilled (exit code 137)")
        elif spec.get("shutdown"):
            self.stop(play, spec["shutdown"])
        elif not spec.get("suspend") and not play.begun:
            play.begun = True
            self.clock.later(play.script["start_ms"], self.next_pod, play)

    def finish(self, play, phase, message=""):
        play.ended = True
        outputs = [{"name": name, "value": value} for name, value in play.script["outputs"].items()]
        name = play.key[2]
        play.nodes[name] = {"id": name, "name": name, "displayName": name, "type": "Steps", "phase": phase,
                            "message": message}
        status = {"phase": phase, "message": message, "nodes": play.nodes}
        if outputs and phase == "Succeeded":
            play.nodes[name]["outputs"] = {"parameters": outputs}
            status["outputs"] = {"parameters": outputs}
        self.set(play, status)

    def stop(self, play, strategy):
        """Ends the Workflow's own pods; those that it made elsewhere are nobody's."""
        play.ended = True
        for key, uid in play.pods:
            if key[1] == HOME:
                self.end(play, key, uid, "killed")
        self.clock.later(self.grace_ms, self.finish, play, "Failed", f"Stopped with strategy '{strategy}'")

    # --- pods --------------------------------------------------------------------------------------

    def next_pod(self, play):
        if play.ended or not self.exists(play):
            return
        if play.at == len(play.script["pods"]):
            self.finish(play, play.script["phase"] or "Succeeded")
            return
        wanted = play.script["pods"][play.at]
        name = f"{play.key[2]}-{wanted['step'] or 'main'}-{play.at}"
        key = ("pods", wanted["namespace"], name)
        own = wanted["namespace"] == HOME
        labels = {**play.labels, "workflows.argoproj.io/workflow": play.key[2]} if own else \
            {JOB: play.job, STEP: wanted["step"]}
        step = wanted["step"] or "main"
        thing = {"apiVersion": "v1", "kind": "Pod", "metadata": {
            "labels": labels,
            "annotations": {"workflows.argoproj.io/node-name": f"{play.key[2]}[{play.at}].{step}"} if own else {}},
                 "spec": {"containers": [{"name": wanted["container"]}]},
                 "status": {"phase": "Pending"}}
        if own:
            thing["metadata"]["ownerReferences"] = [{"kind": "Workflow", "name": play.key[2], "uid": play.uid}]
            thing["spec"]["containers"] += [{"name": "wait"}]
            thing["spec"]["initContainers"] = [{"name": "init"}]
        try:
            thing = self.store.create(key, thing)
        except Refused:
            # What a Workflow does that was made anew under a name that had pods.
            self.adopted.append(name)
            thing = self.store.find(key)
        uid = thing["metadata"]["uid"]
        play.pods.append((key, uid))
        self.node(play, key, "Pending")
        if wanted["end"] == "image":
            self.containers(key, uid, wanted, {"waiting": {
                "reason": "ImagePullBackOff", "message": "Back-off pulling image"}}, {})
        else:
            self.clock.later(wanted["start_ms"], self.start, play, key, uid, wanted)

    def node(self, play, key, phase, message=""):
        play.nodes[key[2]] = {"id": key[2], "name": key[2], "displayName": key[2], "type": "Pod", "startedAt": now(),
                              "phase": phase, "message": message, "boundaryID": play.key[2]}
        if not play.ended:
            self.set(play, {"phase": "Running", "nodes": play.nodes})

    def containers(self, key, uid, wanted, state, status):
        names = [wanted["container"]] + (["wait"] if key[1] == HOME else [])
        status = {**status, "containerStatuses": [{"name": name, "state": state, "restartCount": 0}
                                                  for name in names]}
        return self.store.change(key, uid, {"status": status})

    def start(self, play, key, uid, wanted):
        if not self.containers(key, uid, wanted, {"running": {"startedAt": now()}},
                               {"phase": "Running", "startTime": now()}):
            return
        with self.store.changed:
            play.ran += 1
            others = [other.key[2] for other in self.plays.values() if other is not play
                      and other.job == play.job and any(self.runs(pod_key, pod_uid)
                                                        for pod_key, pod_uid in other.pods)]
        if others:
            self.overlaps.append(f"{key[2]} beside pods of {others}")
        self.node(play, key, "Running")
        lines = wanted["lines"]
        for i in range(lines):
            self.clock.later(wanted["ms"] * i / lines, self.write, play, uid, wanted,
                             f"{key[2]}: line {i + 1} of {lines}")
        if wanted["record"]:
            self.clock.later(wanted["ms"], self.record, play, uid, wanted)
        if wanted["end"] == "vanish":
            self.clock.later(wanted["ms"], self.remove, key, uid)
        elif wanted["end"] != "for-ever":
            self.clock.later(wanted["ms"], self.end, play, key, uid, wanted["end"])

    def runs(self, key, uid):
        thing = self.store.find(key)
        return bool(thing and thing["metadata"]["uid"] == uid and thing["status"]["phase"] == "Running")

    def write(self, play, uid, wanted, line):
        with self.store.changed:
            if (uid, "ended") in self.logs:
                return
            self.logs.setdefault((uid, wanted["container"]), []).append(
                (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() % 10**9:09d}Z", line))
            self.written[play.job].append(line)
            self.store.changed.notify_all()

    def record(self, play, uid, wanted):
        said = self.logs.get((uid, wanted["container"]), [])
        self.write(play, uid, wanted, "\x1e" + RECORDS[wanted["record"]] % sum(len(line) + 1 for _, line in said))

    def end(self, play, key, uid, how):
        thing = self.store.find(key)
        if thing is None or thing["metadata"]["uid"] != uid or thing["status"]["phase"] in ("Succeeded", "Failed"):
            return
        code, reason, phase, pod_reason = ENDS[how]
        wanted = next(p for p in play.script["pods"] if p["container"] == thing["spec"]["containers"][0]["name"])
        status = {"phase": phase, "reason": pod_reason,
                  "message": pod_reason and f"The pod was {pod_reason}."}
        if how == "overfull":
            status["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
        with self.store.changed:
            self.logs[(uid, "ended")] = []
            self.containers(key, uid, wanted, {"running": None, "waiting": None, "terminated": {
                "exitCode": code, "reason": reason, "startedAt": now(), "finishedAt": now()}}, status)
        self.clock.later(self.look_ms, self.pod_ended, play, key, phase, f"{reason} (exit code {code})")

    def pod_ended(self, play, key, phase, message):
        if self.pause.is_set():
            self.clock.later(20, self.pod_ended, play, key, phase, message)
            return
        if play.ended or not self.exists(play):
            return
        if phase == "Failed" and play.script["argo"] == "stuck":
            play.annotations = self.store.find(play.key)["metadata"].get("annotations", {})
            return
        self.node(play, key, phase, "" if phase == "Succeeded" else message)
        if phase == "Failed":
            self.finish(play, "Failed", message)
        else:
            play.at += 1
            self.next_pod(play)

    def remove(self, key, uid):
        with self.store.changed:
            thing = self.store.find(key)
            if thing and thing["metadata"]["uid"] == uid:
                self.logs[(uid, "ended")] = []
                self.store.delete(key)

    def kill(self, key, uid, seconds):
        """DELETE of a pod: what runs gets a while."""
        thing = self.store.find(key)
        if thing is None or thing["metadata"]["uid"] != uid:
            return
        if thing["status"]["phase"] != "Running" or seconds == 0:
            self.remove(key, uid)
        elif "deletionTimestamp" not in thing["metadata"]:
            self.store.change(key, uid, {"metadata": {"deletionTimestamp": now()}})
            for play in list(self.plays.values()):
                if (key, uid) in play.pods:
                    self.clock.later(self.grace_ms, self.end, play, key, uid, "killed")
            self.clock.later(self.grace_ms + 1, self.remove, key, uid)

    def pod_gone(self, key, uid):
        for play in list(self.plays.values()):
            if (key, uid) in play.pods and not play.ended and self.exists(play) and \
                    play.pods[-1] == (key, uid) and play.at < len(play.script["pods"]):
                self.finish(play, "Error", "pod deleted")

    # --- the garbage collector -----------------------------------------------------------------------

    def collect(self, owner):
        for thing in self.store.of("pods") + self.store.of("configmaps"):
            meta = thing["metadata"]
            if any(ref["uid"] == owner for ref in meta.get("ownerReferences", [])):
                key = ("pods" if "spec" in thing else "configmaps", meta["namespace"], meta["name"])
                if key[0] == "pods":
                    self.kill(key, meta["uid"], None)
                else:
                    self.remove(key, meta["uid"])

    def orphan(self, key, uid):
        """Owners that are not there, or in another namespace: the object goes."""
        thing = self.store.find(key)
        if thing is None or thing["metadata"]["uid"] != uid:
            return
        for ref in thing["metadata"].get("ownerReferences", []):
            owner = self.store.find(("workflows", key[1], ref["name"]))
            if owner is None or owner["metadata"]["uid"] != ref["uid"]:
                self.remove(key, uid)
                return
