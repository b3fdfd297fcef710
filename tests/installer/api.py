#!/usr/bin/env python3
"""As much of the Kubernetes API as a node's own checks need, over TLS: api.py DIRECTORY RUNTIME

DIRECTORY gets ca.crt and token, as a service account has them, then `port` when it answers, and
`asked`, a line a request. RUNTIME is what the Node says of itself, such as containerd://2.1.9.
"""
import http.server
import json
import os
import ssl
import subprocess
import sys

directory, runtime = sys.argv[1:]
node = {
    "kind": "Node",
    "metadata": {"uid": "u", "labels": {}},
    "status": {
        "nodeInfo": {
            "bootID": open("/proc/sys/kernel/random/boot_id").read().strip(),
            "containerRuntimeVersion": runtime,
        },
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        with open(directory + "/asked", "a") as asked:
            asked.write(f"{self.command} {self.path}\n")
        known = self.path.startswith("/api/v1/nodes/")
        body = json.dumps(node if known else {"kind": "Status", "message": "unknown"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *args):
        pass


os.makedirs(directory, exist_ok=True)
subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api",
     "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory + "/key",
     "-out", directory + "/ca.crt"], check=True, stderr=subprocess.DEVNULL)
with open(directory + "/token", "w") as token:
    token.write("none")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/ca.crt", directory + "/key")
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(directory + "/port.new", "w") as port:
    port.write(str(server.server_address[1]))
os.rename(directory + "/port.new", directory + "/port")
server.serve_forever()
