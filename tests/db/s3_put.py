#!/usr/bin/env python3
"""Puts files into a bucket, over one connection: s3_put.py FILE BUCKET/KEY... (or pairs on stdin)

The server and its keys are AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION.
With --lines, standard input has a pair a line, a tab between. A missing bucket is made.
Source: "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference.
"""
import datetime
import hashlib
import hmac
import http.client
import os
import ssl
import sys
import urllib.parse

url = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
key_id, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
region = os.environ.get("AWS_REGION", "us-east-1")
if url.scheme == "https":
    trusted = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    connection = http.client.HTTPSConnection(url.netloc, context=trusted)
else:
    connection = http.client.HTTPConnection(url.netloc)


def put(path, body):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    path = "/" + urllib.parse.quote(path, safe="/~")
    headers = {"host": url.netloc, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now}
    names = ";".join(headers)
    request = "\n".join(["PUT", path, ""] + [f"{n}:{v}" for n, v in headers.items()] +
                        ["", names, "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, "
        f"Signature={hmac.digest(key, text.encode(), 'sha256').hex()}")
    connection.request("PUT", path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def main():
    words = sys.argv[1:]
    if words[:1] == ["--lines"]:
        words = [word for line in sys.stdin for word in line.rstrip("\n").split("\t")]
    made = set()
    for name, target in zip(words[::2], words[1::2]):
        bucket = target.split("/")[0]
        if bucket not in made:
            put(bucket, b"")
            made.add(bucket)
        with open(name, "rb") as file:
            status, said = put(target, file.read())
        if status != 200:
            sys.exit(f"{target}: {status} {said!r}")


main()
