#!/usr/bin/env python3
"""pods and pods/log of an API server, told by files: fake_logs.py DIRECTORY

DIRECTORY gets ca.crt, token and `port`. A pod is a folder DIRECTORY/pods/NAME with files that may
change at any time:
  uid            its uid
  phase, reason  of its status (Running)
  deleted        when it is there: deletionTimestamp, a time
  C.log          what container C has printed
  C.state        waiting, running or terminated
  C.faults       lines, one for each reading of C that comes, the first first:
    close N      ends as if all were sent, after N bytes
    cut N        the connection ends after N bytes
    silent N     nothing comes after N bytes, until C.state changes
    from N       a file begun anew: it begins at byte N
    status N     an answer of this status
    says TEXT    TEXT is the body of a 200, as a kubelet answers when the file is gone
DIRECTORY/asked has a line for each request.
"""
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

TICK_S = 0.01


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory, lock = "", threading.Lock()

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def pod(self, *names):
        try:
            with open(os.path.join(self.directory, "pods", *names), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def text(self, *names):
        return (self.pod(*names) or b"").decode().strip()

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, message):
        self.answer(status, {"kind": "Status", "message": message, "code": status})

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def fault(self, name, container):
        """The first line of the faults, which is used up."""
        with self.lock:
            lines = self.text(name, f"{container}.faults").splitlines()
            if not lines:
                return "", ""
            with open(os.path.join(self.directory, "pods", name, f"{container}.faults"), "w",
                      encoding="utf-8") as file:
                file.write("\n".join(lines[1:]))
        kind, _, rest = lines[0].partition(" ")
        return kind, rest

    def do_GET(self):
        with self.lock, open(os.path.join(self.directory, "asked"), "a", encoding="utf-8") as file:
            file.write(f"{self.path}\n")
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.split("/")
        name = parts[6]
        if not os.path.isdir(os.path.join(self.directory, "pods", name)):
            self.refuse(404, f'pods "{name}" not found')
        elif len(parts) > 7:
            query = urllib.parse.parse_qs(url.query)
            self.log(name, query["container"][0], query.get("follow") == ["true"])
        else:
            self.answer(200, self.describe(name))

    def describe(self, name):
        files = os.listdir(os.path.join(self.directory, "pods", name))
        containers = sorted(file[:-6] for file in files if file.endswith(".state"))
        meta = {"name": name, "uid": self.text(name, "uid")}
        if "deleted" in files:
            meta |= {"deletionTimestamp": self.text(name, "deleted"), "deletionGracePeriodSeconds": 30}
        return {"kind": "Pod", "metadata": meta, "spec": {"containers": [{"name": c} for c in containers]},
                "status": {"phase": self.text(name, "phase") or "Running", "reason": self.text(name, "reason"),
                           "containerStatuses": [{"name": c, "state": {self.text(name, f"{c}.state"): {}}}
                                                 for c in containers]}}

    def log(self, name, container, follow):
        kind, rest = self.fault(name, container)
        if kind == "status":
            self.refuse(int(rest), "told so")
            return
        if self.text(name, f"{container}.state") == "waiting":
            self.refuse(400, f'container "{container}" in pod "{name}" is waiting to start')
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if kind == "says":
            self.chunk(rest.encode())
            self.chunk(b"")
            return
        at = int(rest) if kind == "from" else 0
        most = int(rest) if kind in ("close", "cut", "silent") else None
        while True:
            state = self.text(name, f"{container}.state")
            data = self.pod(name, f"{container}.log") or b""
            fresh = data[at:most][:1 << 16]
            if fresh:
                self.chunk(fresh)
                at += len(fresh)
            elif most is not None and at >= most and kind != "silent":
                break
            elif not follow or (state != "running" and kind != "silent"):
                break
            elif not os.path.isdir(os.path.join(self.directory, "pods", name)):
                break
            else:
                time.sleep(TICK_S)
        if kind == "cut":
            self.close_connection = True
            self.connection.unwrap().close()
        else:
            self.chunk(b"")


def main(directory):
    os.makedirs(f"{directory}/pods", exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    f"{directory}/key", "-out", f"{directory}/ca.crt"], check=True, stderr=subprocess.DEVNULL)
    with open(f"{directory}/token", "w", encoding="ascii") as file:
        file.write("fake-token\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/ca.crt", f"{directory}/key")
    Handler.directory = directory
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with open(f"{directory}/port.new", "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.rename(f"{directory}/port.new", f"{directory}/port")
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
