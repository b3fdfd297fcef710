#!/usr/bin/env python3
"""Clients that do not behave: clients.py WHAT PORT TOKEN [N]. Prints what came back, a fact a line."""
import http.client
import re
import resource
import socket
import sys
import threading
import time


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def read_all(sock):
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except OSError:
        pass
    return data


def statuses(data):
    return " ".join(code.decode() for code in re.findall(rb"HTTP/1\.[01] (\d{3})", data))


def request(method, path, token, *headers, version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "Host: x", f"Authorization: {token}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def quick(port, token):
    """Seconds for one whole request, by a client that behaves."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/v1/whoami", headers={"Authorization": token})
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.monotonic() - began


def http_1_0(port, token):
    sock = connect(port)
    sock.sendall(request("POST", "/jobs", token, version="1.0"))
    data = read_all(sock)
    print(statuses(data), "closed")


def pipelined(port, token):
    sock = connect(port)
    sock.sendall(request("GET", "/hello", token) + request("GET", "/v1/whoami", token)
                 + request("GET", "/v1/jobs", token, "Connection: close"))
    print(statuses(read_all(sock)))


def half_closed(port, token):
    sock = connect(port)
    sock.sendall(request("GET", "/v1/whoami", token))
    sock.shutdown(socket.SHUT_WR)
    print(statuses(read_all(sock)))


def chunked(port, token):
    sock = connect(port)
    sock.sendall(request("POST", "/v1/jobs", token, "Content-Type: application/json",
                         "Transfer-Encoding: chunked", "Connection: close"))
    for piece in (b'{"kind": ', b'"pipeline"}'):
        sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    sock.sendall(b"0\r\n\r\n")
    print(statuses(read_all(sock)))


def chunked_too_long(port, token):
    """2 MB whose length nobody announced: read, and answered."""
    sock = connect(port)
    sock.sendall(request("POST", "/v1/jobs", token, "Transfer-Encoding: chunked"))
    piece = b"x" * 65536
    for _ in range(32):
        sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    sock.sendall(b"0\r\n\r\n")
    print(statuses(read_all(sock)))


def two_lengths(port, token):
    """Two statements of one length: what follows may be somebody else's request."""
    sock = connect(port)
    sock.sendall(request("POST", "/jobs", token, "Content-Length: 4", "Transfer-Encoding: chunked")
                 + b"0\r\n\r\n" + request("GET", "/hello", token))
    print(statuses(read_all(sock)))


def chunked_for_ever(port, token):
    """How many bytes of a body without an announced end are taken."""
    sock = connect(port)
    sock.sendall(request("POST", "/v1/jobs", token, "Transfer-Encoding: chunked"))
    piece = b"x" * 65536
    sent = 0
    try:
        while sent < 64 << 20:
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            sent += len(piece)
    except OSError:
        pass
    print("stopped" if sent < 32 << 20 else "taken")


def expect(port, token):
    """A body that is too long is refused before it is sent; one that fits is asked for."""
    sock = connect(port)
    sock.sendall(request("POST", "/v1/jobs", token, "Content-Length: 2000000", "Expect: 100-continue"))
    print(statuses(sock.recv(65536)))
    sock = connect(port)
    body = b'{"kind": "pipeline"}'
    sock.sendall(request("POST", "/v1/jobs", token, "Content-Type: application/json",
                         f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"))
    first = sock.recv(65536)
    sock.sendall(body)
    print(statuses(first + read_all(sock)))


def early(port, token):
    """2 MB announced: the answer comes while the body is not even begun."""
    sock = connect(port)
    sock.sendall(request("POST", "/v1/jobs", token, "Content-Length: 2000000"))
    print(statuses(sock.recv(65536)))


def endless_headers(port, token):
    sock = connect(port)
    sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n")
    sent = 0
    try:
        while sent < 4 << 20:
            sock.sendall(b"X-Header: %s\r\n" % (b"y" * 200))
            sent += 212
    except OSError:
        pass
    print("stopped" if sent < 4 << 20 else "taken")


def slow(port, token, count):
    """Many clients that send a byte now and then, and one that behaves beside them."""
    raise_descriptors()
    socks = [connect(port) for _ in range(count)]
    ended = threading.Event()

    def trickle():
        line = request("POST", "/jobs", token)
        at = 0
        while not ended.wait(0.5):
            for sock in socks:
                try:
                    sock.send(line[at:at + 1])
                except OSError:
                    pass
            at += 1
    threading.Thread(target=trickle, daemon=True).start()
    worst = max(quick(port, token)[1] for _ in range(50))
    print("quick" if worst < 2 else f"slow: {worst:.2f} s")
    # A byte now and then does not keep a connection for ever.
    end = time.monotonic() + 25
    closed = 0
    for sock in socks:
        sock.settimeout(max(0.1, end - time.monotonic()))
        try:
            if sock.recv(1) == b"":
                closed += 1
        except ConnectionError:
            closed += 1
        except OSError:
            pass
    ended.set()
    print("closed" if closed == count else f"only {closed} of {count} closed")


def polls(port, token, count):
    """So many long polls at once, and that each is answered. Waits for a line on stdin meanwhile."""
    raise_descriptors()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/jobs", headers={"Authorization": token})
    answer = connection.getresponse()
    answer.read()
    place = answer.headers["Location"]
    socks = []
    for _ in range(count):
        sock = connect(port)
        sock.settimeout(90)
        sock.sendall(request("GET", place, token, "Prefer: wait=60", "Connection: close"))
        socks.append(sock)
    print(place, flush=True)
    sys.stdin.readline()
    good = sum(statuses(read_all(sock)) == "200" for sock in socks)
    print(good)


def streams(port, token, count, place):
    """So many event streams at once, and how many of them ended in order."""
    socks = []
    for _ in range(count):
        sock = connect(port)
        sock.settimeout(60)
        sock.sendall(request("GET", f"{place}/logs", token, "Accept: text/event-stream"))
        socks.append(sock)
    print(sum(read_all(sock).endswith(b"\r\n0\r\n\r\n") for sock in socks))


def judged(port, token):
    """A body for which nobody with that token is waiting: asked for, or refused at once."""
    sock = connect(port)
    sock.sendall(request("POST", "/job/build", token, "Content-Length: 900000", "Expect: 100-continue"))
    print(statuses(sock.recv(65536)))


def judged_anyway(port, token):
    """The same, sent unasked: the answer is heard, and another request after it."""
    sock = connect(port)
    sock.sendall(request("POST", "/job/build", token, "Content-Length: 900000"))
    sock.sendall(b"x" * 900000)
    sock.sendall(request("GET", "/hello", token, "Connection: close"))
    print(statuses(read_all(sock)))


def main():
    what, port, token = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    globals()[what](port, token, *(int(arg) if arg.isdigit() else arg for arg in sys.argv[4:]))


if __name__ == "__main__":
    main()
