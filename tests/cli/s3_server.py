#!/usr/bin/env python3
"""An S3 server that does not behave: s3_server.py DIR

Listens on 127.0.0.1, puts the port into DIR/port and each request's line into DIR/requests. Every
bucket has the object `object`, 2 MB of events, but what the server does is the bucket's name:
  good       answers as S3 does; `other` and `third` are there too
  cut        closes after a third of the bytes, unless a Range is asked for
  cuts       closes after 300 kB, always
  changed    cuts, and then the object is another one
  swapped    cuts, and answers a Range with another ETag
  whole      cuts, and answers a Range with all of the object
  shifted    cuts, and answers a Range with another one
  nameless   cuts, and has no ETag
  unsized    cuts, and said no length
  long       cuts, and then sends more than the rest
  slow       SlowDown, twice
  down       SlowDown, always
  moved      is in another region
  sent       redirects to where nobody listens
  forbidden  lists, but does not give
  vanished   lists, but has not
  pages      20,000 empty objects, 1,000 a page
  loop       a page that goes on for ever
  barren     a list that goes on without a key
  endless    a list without an end, and no length
  unsorted   keys out of order
  page       a web page in place of a list
  flood      a list that does not end
  expired    takes only the second credentials that the role gives
POST is STS's AssumeRoleWithWebIdentity.
"""
import http.server
import os
import re
import sys
import urllib.parse

directory = sys.argv[1]
EVENTS = b"".join(b'{"userId":"u%d","sessionDuration":%d}\n' % (i % 7, i) for i in range(50000))
ETAG = '"0123456789abcdef"'
seen = {}


def count(name):
    seen[name] = seen.get(name, 0) + 1
    return seen[name]


def entry(key, size=len(EVENTS)):
    return (f"<Contents><Key>{urllib.parse.quote_plus(key, safe='/')}</Key><Size>{size}</Size>"
            f"<ETag>{ETAG.replace(chr(34), '&quot;')}</ETag></Contents>")


def page(entries, following=""):
    more = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    return (f"<?xml version='1.0' encoding='UTF-8'?>\n<ListBucketResult xmlns='http://s3'>{more}"
            f"<IsTruncated>{'true' if following else 'false'}</IsTruncated>"
            f"<EncodingType>url</EncodingType>{''.join(entries)}</ListBucketResult>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *unused):
        pass

    def answer(self, status, body, headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length is not None and self.command != "HEAD":
            self.close_connection = True

    def refuse(self, status, code, headers=()):
        body = f"<Error><Code>{code}</Code><Message>as told</Message></Error>"
        self.answer(status, body.encode(), headers)

    def note(self):
        with open(os.path.join(directory, "requests"), "a", encoding="utf-8") as file:
            file.write(f"{self.command} {self.path} {self.headers.get('Range', '')}\n")
        with open(os.path.join(directory, "headers"), "a", encoding="utf-8") as file:
            file.write(f"{self.headers}\n")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.note()
        if form["WebIdentityToken"] != ["pod-token"] or form["RoleArn"] != ["arn:aws:iam::1:role/r"]:
            self.answer(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
            return
        number = count("role")
        role = "AssumeRoleWithWebIdentity"
        self.answer(200, (f"<{role}Response><{role}Result><Credentials><AccessKeyId>id{number}"
                          "</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>"
                          f"session{number}</SessionToken></Credentials></{role}Result>"
                          f"</{role}Response>").encode())

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.note()
        path = urllib.parse.urlsplit(self.path)
        bucket, key = path.path[1:].split("/", 1) if "/" in path.path[1:] else (path.path[1:], "")
        bucket, key = urllib.parse.unquote(bucket), urllib.parse.unquote(key)
        if bucket == "moved":
            self.refuse(301, "PermanentRedirect",
                        [("x-amz-bucket-region", "eu-west-1"), ("Location", "http://127.0.0.1:1/")])
        elif bucket == "sent":
            self.refuse(307, "TemporaryRedirect", [("Location", "http://127.0.0.1:1/")])
        elif bucket == "down" or (bucket == "slow" and count("slow" + key) <= 2):
            self.refuse(503, "SlowDown")
        elif bucket == "expired" and self.headers["x-amz-security-token"] != "session2":
            self.refuse(400, "ExpiredToken")
        elif key == "":
            self.list(bucket, urllib.parse.parse_qs(path.query))
        else:
            self.give(bucket, key)

    def list(self, bucket, query):
        token = query.get("continuation-token", [""])[0]
        after = query.get("start-after", [""])[0]
        text = page([entry("object")])
        if bucket == "good":
            keys = ["object", "other", "third"]
            text = page(entry(key) for key in keys if key > after)
        elif bucket == "pages":
            first = int(token or 0)
            keys = (f"{n:05d} +&é%.jsonl" for n in range(first, first + 1000))
            following = "" if first == 19000 else str(first + 1000)
            text = page([entry(key, 0) for key in keys], following)
        elif bucket == "loop":
            text = page([entry("object")], "again")
        elif bucket == "barren":
            text = page([], "again")
        elif bucket == "endless":
            self.pour()
            return
        elif bucket == "unsorted":
            text = page([entry("b"), entry("a")])
        elif bucket == "page":
            text = "<html><body>Welcome</body></html>"
        elif bucket == "flood":
            text = page([entry(f"{n:0900d}") for n in range(20000)])
        self.answer(200, text.encode())

    def pour(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            pass

    def give(self, bucket, key):
        etag = [] if bucket == "nameless" else [("ETag", ETAG)]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        known = self.headers.get("If-Match")
        if self.command == "HEAD":
            self.answer(200, EVENTS, etag)
        elif bucket == "forbidden":
            self.refuse(403, "AccessDenied")
        elif bucket == "vanished":
            self.refuse(404, "NoSuchKey")
        elif bucket == "pages":
            self.answer(200, b"", etag)
        elif bucket == "unsized":
            self.send_response(200)
            self.send_header("ETag", ETAG)
            self.end_headers()
            self.wfile.write(EVENTS[:EVENTS.index(b"\n", len(EVENTS) // 3) + 1])
            self.close_connection = True
        elif wanted is None:
            cut = {"good": len(EVENTS), "slow": len(EVENTS), "expired": len(EVENTS), "cuts": 300000}
            end = cut.get(bucket, len(EVENTS) // 3)
            self.answer(200, EVENTS[:end], etag, None if end == len(EVENTS) else len(EVENTS))
        elif known != ETAG or bucket == "changed":
            self.refuse(412, "PreconditionFailed")
        else:
            self.go_on(bucket, int(wanted[1]))

    def go_on(self, bucket, start):
        if bucket == "whole":
            self.answer(200, EVENTS, [("ETag", ETAG)])
            return
        start -= bucket == "shifted"
        end = start + 300000 if bucket == "cuts" else len(EVENTS)
        etag = '"another"' if bucket == "swapped" else ETAG
        left = len(EVENTS) - start
        if bucket == "long":
            self.answer(206, EVENTS[start:] + EVENTS,
                        [("ETag", ETAG),
                         ("Content-Range", f"bytes {start}-{len(EVENTS) - 1}/{len(EVENTS)}")])
            return
        self.answer(206, EVENTS[start:end],
                    [("ETag", etag),
                     ("Content-Range", f"bytes {start}-{len(EVENTS) - 1}/{len(EVENTS)}")],
                    left if end < len(EVENTS) else None)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(directory, "port.new"), "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
if len(sys.argv) == 2:
    server.serve_forever()
