#!/usr/bin/env python3
"""A Kubernetes API server that plays Argo, and lies when told: fake_kube.py DIRECTORY [CONTROL-PORT]

DIRECTORY gets ca.crt and token, as a service account has them, `port` (TLS) and `control` (plain
HTTP), both on loopback. It serves what the dispatcher of jobs may do and refuses the rest, as RBAC
and the admission policies do. The control port, in JSON:
  GET  /state        what there is, what was done, what went against the protocol
  POST /rules        a fault (fake_faults.py); DELETE: none any more
  POST /scripts      {"name": SCRIPT} for Workflows (fake_argo.py); "default": "name"
  POST /objects      {"resource", "namespace", "object"}: made by somebody else
  POST /forget       {"resource", "namespace", "name"}: is not there any more, and no watch tells
  POST /compact      every version is too old
  POST /pause        Argo does nothing, until DELETE
  POST /times        {"gc_ms", "grace_ms", "look_ms"}: of the garbage collector, of pods, of Argo
  POST /reset        an empty server, without faults
  POST /release      what is held goes on; {"drop": true}: is not done
"""
import collections
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

from fake_argo import ATTEMPT, HOME, JOB, Argo
from fake_faults import Faults
from fake_store import Refused, Store

PODS = ("jobs", "jobs-build", "jobs-run")
KINDS = {"workflows": ("argoproj.io/v1alpha1", "Workflow"), "pods": ("v1", "Pod"),
         "configmaps": ("v1", "ConfigMap")}
# What the dispatcher's account may do, by resource: verbs, and in which namespaces.
RIGHTS = {
    "workflows": ("create get list watch patch delete", (HOME,)),
    "configmaps": ("create get list watch delete", PODS),
    "pods": ("get list watch delete", PODS),
    "pods/log": ("get", PODS),
}
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "PUT": "update"}
PATH = re.compile(r"/api(?:/v1|s/(?P<group>argoproj\.io/v1alpha1))(?:/namespaces/(?P<namespace>[^/]+))?"
                  r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+)(?P<log>/log)?)?")
BOOKMARK_S = 0.2


class Cut(Exception):
    """The connection ends here."""


class Kube:
    """The server; everything that tests do to it is here, or in store, argo and faults."""

    def __init__(self, directory, port=0, seed=None):
        self.directory = directory
        self.token = "fake-token"
        self.sockets = set()
        self.faults = Faults(seed)
        self.reset()
        os.makedirs(directory, exist_ok=True)
        if not os.path.exists(f"{directory}/key"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", "2", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                 f"{directory}/key", "-out", f"{directory}/ca.crt"], check=True, stderr=subprocess.DEVNULL)
        self.put("token", self.token)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{directory}/ca.crt", f"{directory}/key")
        self.server = Server(("127.0.0.1", port), Handler, self)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.put("port", str(self.port))

    def reset(self):
        self.faults.clear()
        self.store = Store()
        self.argo = Argo(self.store)
        self.requests = collections.Counter()  # "create workflows" -> how many were done
        self.made = collections.Counter()      # of those, new things by their kind
        self.created = []                      # (name, uid) of Workflows
        self.resumed = collections.Counter()   # uid -> how often
        self.wrong = []                        # what went against the protocol

    def put(self, name, text):
        with open(f"{self.directory}/{name}.new", "w", encoding="ascii") as out:
            out.write(text)
        os.rename(f"{self.directory}/{name}.new", f"{self.directory}/{name}")

    def close_all(self):
        """Every connection ends, as when a load balancer goes."""
        for sock in list(self.sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def violation(self, text):
        self.wrong.append(text)

    # What a policy of admission lets through.
    def check_create(self, resource, thing):
        if resource != "workflows":
            return
        labels, spec = thing["metadata"].get("labels", {}), thing.get("spec", {})
        bad = [name for name in spec if name not in ("workflowTemplateRef", "arguments", "suspend")]
        if "status" in thing or bad or "workflowTemplateRef" not in spec:
            self.deny(f"a Workflow with {', '.join(bad) or 'a status, or without a template'}")
        if spec.get("suspend") is not True:
            self.violation(f"{thing['metadata'].get('name')} was not created suspended")
        if not labels.get(JOB) or not labels.get(ATTEMPT):
            self.violation(f"{thing['metadata'].get('name')} has no labels of its job")
        if "generateName" in thing["metadata"]:
            self.violation("a Workflow's name is not the job's")

    def check_patch(self, resource, patch):
        spec, meta = patch.get("spec", {}), patch.get("metadata", {})
        bad = [name for name in spec if name not in ("suspend", "shutdown")]
        bad += [name for name in patch if name not in ("spec", "metadata")]
        bad += [name for name in meta if name not in ("uid", "resourceVersion", "annotations")]
        if bad or len(meta.get("annotations", {})) > 1:
            self.deny(f"a change of {', '.join(bad) or 'annotations'} of {resource}")
        if "uid" not in meta:
            self.violation(f"a patch without a uid: {json.dumps(patch)}")

    def deny(self, what):
        self.violation(f"denied: {what}")
        raise Refused(403, "Forbidden", "ValidatingAdmissionPolicy 'jobs' with binding 'jobs' denied request: " + what)

    def state(self):
        with self.store.changed:
            objects = collections.Counter(key[0] for key in self.store.objects)
            return {"objects": {kind: objects[kind] for kind in KINDS},
                    "names": ["/".join(key) for key in sorted(self.store.objects)],
                    "requests": dict(self.requests), "created": self.created, "resumed": dict(self.resumed),
                    "wrong": self.wrong, "adopted": self.argo.adopted, "overlaps": self.argo.overlaps,
                    "failed": self.argo.clock.failed, "held": [held.asked for held in self.faults.held],
                    "rules": [{**rule.wanted, "seen": rule.seen, "hits": rule.hits} for rule in self.faults.rules],
                    "ran": {play.key[2]: play.ran for play in self.argo.plays.values()}}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def __init__(self, address, handler, kube):
        super().__init__(address, handler)
        self.kube = kube

    def get_request(self):
        sock, address = super().get_request()
        # Its thread shakes hands, not the one that accepts.
        sock = self.kube.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError, Cut)):
            super().handle_error(request, client_address)
            self.kube.argo.clock.failed.append(repr(sys.exc_info()[1]))

    def shutdown_request(self, request):
        self.kube.sockets.discard(request)
        super().shutdown_request(request)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def setup(self):
        self.kube = self.server.kube
        self.kube.sockets.add(self.request)
        super().setup()

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = f"{self.command} {self.path}"
        fault = self.kube.faults.meet(asked, body)
        try:
            self.faulty(fault, asked, body)
        except Refused as why:
            self.refuse(why)
        except Cut:
            self.close_connection = True
            self.request.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def faulty(self, fault, asked, body):
        time.sleep(fault.get("delay_ms", 0) / 1000)
        if fault.get("hold") == "before" and not self.kube.faults.hold(asked):
            raise Cut
        if fault.get("cut") == "before":
            raise Cut
        if "status" in fault and not fault.get("done"):
            raise self.refusal(fault)
        # Whoever only asks gets the text alone; what is to be done is done.
        answer = (200, None) if "text" in fault and self.command == "GET" else self.serve(body, fault)
        if fault.get("hold") == "after":
            self.kube.faults.hold(asked)
        if fault.get("cut") == "after":
            raise Cut
        if "status" in fault:
            raise self.refusal(fault)
        if answer is None:  # a stream, that is over
            return
        text = fault.get("text", json.dumps(answer[1], separators=(",", ":"))).encode()
        self.begin(answer[0], len(text))
        if fault.get("cut") == "middle":
            self.wfile.write(text[:len(text) // 2])
            raise Cut
        self.wfile.write(text)

    @staticmethod
    def refusal(fault):
        return Refused(fault["status"], fault.get("reason", "InternalError"), fault.get("message", "told to fail"),
                       fault.get("details"), fault.get("retry_after"))

    def begin(self, status, length, kind="application/json", retry_after=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()

    def refuse(self, why):
        text = json.dumps(why.status).encode()
        self.begin(why.code, len(text), retry_after=why.retry_after)
        self.wfile.write(text)

    # --- what it serves ------------------------------------------------------------------------------

    def serve(self, body, fault):
        """(status, answer), or None after a stream."""
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        found = PATH.fullmatch(url.path)
        kube = self.kube
        if self.headers.get("Authorization") != f"Bearer {kube.token}":
            raise Refused(401, "Unauthorized", "Unauthorized")
        if not found or found["resource"] not in KINDS or \
                (found["group"] or "v1") != KINDS[found["resource"]][0]:
            kube.violation(f"no such path: {url.path}")
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        resource, namespace, name = found["resource"], found["namespace"], found["name"]
        watches = query.get("watch") in ("1", "true")
        verb = VERBS.get(self.command) or ("watch" if watches else "get" if name else "list")
        verbs, namespaces = RIGHTS[resource + (found["log"] or "")]
        if verb not in verbs.split() or namespace not in namespaces:
            kube.violation(f"no right to {verb} {resource} in {namespace}")
            raise Refused(403, "Forbidden", f'{resource} is forbidden: User "system:serviceaccount:jobs:job-dispatch" '
                          f'cannot {verb} resource "{resource}" in the namespace "{namespace}"')
        kube.requests[f"{verb} {resource}{found['log'] or ''}"] += 1
        key = (resource, namespace, name)
        asked = self.parse(body)
        if found["log"]:
            return self.log(key, query, fault)
        if verb == "watch":
            return self.watch(resource, namespace, query, fault)
        if verb == "get":
            return 200, self.whole(resource, kube.store.get(key))
        if verb == "list":
            return 200, self.list(resource, namespace, query)
        if verb == "create":
            return 201, self.create(resource, namespace, asked)
        if verb == "patch":
            return 200, self.patch(key, asked)
        return 200, self.delete(key, asked, query)

    def parse(self, body):
        try:
            return json.loads(body) if body else {}
        except ValueError as why:
            self.kube.violation(f"not JSON: {body[:200]}")
            raise Refused(400, "BadRequest", str(why)) from why

    @staticmethod
    def whole(resource, thing):
        version, kind = KINDS[resource]
        return {"apiVersion": version, "kind": kind, **thing}

    def list(self, resource, namespace, query):
        things, version, token, left = self.kube.store.list(resource, namespace, query)
        meta = {"resourceVersion": version}
        if token:
            meta.update({"continue": token, "remainingItemCount": left})
        return {"apiVersion": KINDS[resource][0], "kind": KINDS[resource][1] + "List", "metadata": meta,
                # The items of a list of a built-in kind do not say what they are.
                "items": [self.whole(resource, thing) if resource == "workflows" else
                          {name: value for name, value in thing.items() if name not in ("kind", "apiVersion")}
                          for thing in things]}

    def create(self, resource, namespace, thing):
        kube = self.kube
        name = thing.get("metadata", {}).get("name", "")
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", name):
            raise Refused(422, "Invalid", f'{resource} "{name}" is invalid: metadata.name')
        kube.check_create(resource, thing)
        made = kube.store.create((resource, namespace, name), thing)
        kube.made[resource] += 1
        if resource == "workflows":
            kube.created.append((name, made["metadata"]["uid"]))
        return self.whole(resource, made)

    def patch(self, key, asked):
        kube = self.kube
        if "merge-patch" not in self.headers.get("Content-Type", ""):
            raise Refused(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        kube.check_patch(key[0], asked)
        made = kube.store.patch(key, asked)
        if asked.get("spec", {}).get("suspend") is False:
            kube.resumed[made["metadata"]["uid"]] += 1
            # One that comes late may be made; it never runs.
            if any(name == key[2] and kube.resumed[uid] for name, uid in kube.created if uid != made["metadata"]["uid"]):
                kube.violation(f"{key[2]} was made again and run again")
        return self.whole(key[0], made)

    def delete(self, key, options, query):
        kube = self.kube
        preconditions = options.get("preconditions", {})
        if key[0] == "workflows" and "uid" not in preconditions:
            kube.violation(f"{key[2]} was deleted whatever its uid")
        thing = kube.store.get(key)
        if key[0] == "pods" and preconditions.get("uid", thing["metadata"]["uid"]) == thing["metadata"]["uid"]:
            seconds = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
            kube.argo.kill(key, thing["metadata"]["uid"], None if seconds is None else int(seconds))
            return self.whole(key[0], thing)
        kube.store.delete(key, preconditions)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {"name": key[2], "uid": thing["metadata"]["uid"]}}

    # --- streams -------------------------------------------------------------------------------------

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def watch(self, resource, namespace, query, fault):
        store = self.kube.store
        version = query.get("resourceVersion", "")
        with store.changed:
            at = store.number(version) if version not in ("", "0") else store.version
            old = at < store.floor
            first = [] if version not in ("", "0") else [
                ("ADDED", thing) for thing in store.of(resource, namespace) if store.selects(query, thing)]
        self.begin(200, None)
        self.events, self.wants, self.after = [], fault.get("stream"), fault.get("after", 0)
        if old:
            self.gone()
            return self.chunk(b"")
        end = time.monotonic() + float(query.get("timeoutSeconds", 300))
        bookmark = time.monotonic() + BOOKMARK_S
        while time.monotonic() < end:
            for kind, thing in first:
                if not self.event(kind, self.whole(resource, thing)):
                    return None
            first, at = store.since(at, resource, namespace, query, 0.1)
            if not first and query.get("allowWatchBookmarks") == "true" and time.monotonic() > bookmark:
                bookmark = time.monotonic() + BOOKMARK_S
                if not self.event("BOOKMARK", self.whole(resource, {"metadata": {"resourceVersion": f"v{at}"}})):
                    return None
        self.chunk(b"")
        return None

    def gone(self):
        why = Refused(410, "Expired", "too old resource version")
        self.chunk(json.dumps({"type": "ERROR", "object": why.status}).encode() + b"\n")

    def event(self, kind, thing):
        """Whether the stream goes on."""
        line = json.dumps({"type": kind, "object": thing}, separators=(",", ":")).encode() + b"\n"
        self.events.append(line)
        meets = self.wants and len(self.events) > self.after
        if not meets:
            self.pieces(line)
            return True
        if self.wants == "skip":
            self.wants = None
            return True
        if self.wants == "double":
            self.pieces(line + line)
            return True
        if self.wants == "stale":
            self.pieces(line + self.events[0])
            return True
        if self.wants == "garbage":
            self.wants = None
            self.pieces(b'{"type":"MODIFIED","object":{"metadata":\n' + line)
            return True
        if self.wants == "gone":
            self.gone()
            self.chunk(b"")
            return False
        self.break_off(line)
        return False

    def pieces(self, data):
        """Split where no line ends."""
        middle = len(data) // 3
        self.chunk(data[:middle])
        self.chunk(data[middle:])

    def break_off(self, line):
        if self.wants == "close":
            return self.chunk(b"")
        if self.wants == "cut":
            self.chunk(line[:len(line) // 2])
            raise Cut
        while self.wants == "silent":  # until the other side has enough of it
            self.request.settimeout(60)
            if not self.request.recv(1):
                raise Cut
        raise ValueError(f"no such fault of a stream: {self.wants}")

    def log(self, key, query, fault):
        store, argo = self.kube.store, self.kube.argo
        thing = store.get(key)
        uid, at = thing["metadata"]["uid"], 0
        container = query.get("container", thing["spec"]["containers"][0]["name"])
        if all(container != c["name"] for c in
               thing["spec"]["containers"] + thing["spec"].get("initContainers", [])):
            raise Refused(400, "BadRequest", f"container {container} is not valid for pod {key[2]}")
        if thing["status"]["phase"] == "Pending":
            raise Refused(400, "BadRequest", f'container "{container}" in pod "{key[2]}" is waiting to start: '
                          "ContainerCreating")
        self.begin(200, None, "text/plain")
        self.wants, self.after = fault.get("stream"), fault.get("after", 0)
        since, stamped = query.get("sinceTime", ""), query.get("timestamps") == "true"
        while True:
            with store.changed:
                lines = argo.logs.get((uid, container), [])[at:]
                over = (uid, "ended") in argo.logs or query.get("follow") != "true" or store.find(key) is None
                if not lines and not over:
                    store.changed.wait(0.1)
            for moment, text in lines:
                at += 1
                if moment < since:
                    continue
                line = (f"{moment} " if stamped else "") + text + "\n"
                if self.wants and at > self.after:
                    self.break_off(line.encode())
                    return None
                self.pieces(line.encode())
            if not lines and over:
                return self.chunk(b"")


class Control(http.server.BaseHTTPRequestHandler):
    """Tests talk to this one."""
    kube = None

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def answer(self):
        kube = self.kube
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = json.loads(text) if text else {}
        try:
            said = self.do(kube, f"{self.command} {self.path}", asked)
            status = 200
        except (KeyError, ValueError, TypeError, Refused) as why:
            said, status = {"error": f"{type(why).__name__}: {why}"}, 400
        text = json.dumps(said).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer

    @staticmethod
    def do(kube, what, asked):
        if what == "POST /rules":
            for rule in asked if isinstance(asked, list) else [asked]:
                kube.faults.add(**rule)
        elif what == "DELETE /rules":
            kube.faults.clear()
        elif what == "POST /scripts":
            kube.argo.default = asked.pop("default", kube.argo.default)
            kube.argo.scripts.update(asked)
        elif what == "POST /objects":
            name = asked["object"]["metadata"]["name"]
            return kube.store.create((asked["resource"], asked["namespace"], name), asked["object"])
        elif what == "POST /forget":
            kube.store.forget((asked["resource"], asked["namespace"], asked["name"]))
        elif what == "POST /compact":
            kube.store.compact()
        elif what == "POST /pause":
            kube.argo.pause.set()
        elif what == "DELETE /pause":
            kube.argo.pause.clear()
        elif what == "POST /times":
            for name, value in asked.items():
                if name not in ("gc_ms", "grace_ms", "look_ms"):
                    raise KeyError(name)
                setattr(kube.argo, name, value)
        elif what == "POST /reset":
            kube.reset()
        elif what == "POST /release":
            kube.faults.release(**asked)
        elif what != "GET /state":
            raise ValueError(f"no such thing to do: {what}")
        return kube.state()


def main():
    kube = Kube(sys.argv[1])
    Control.kube = kube
    control = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Control)
    kube.put("control", str(control.server_address[1]))
    control.serve_forever()


if __name__ == "__main__":
    main()
