"""A DNS server for one name: dns.py NAME ADDRESS READY-FILE, on 127.10.10.53 port 53 (UDP)."""

import pathlib
import socket
import struct
import sys

name, address, ready = sys.argv[1:]
wanted = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.10.10.53", 53))
pathlib.Path(ready).touch()
while True:
    query, client = server.recvfrom(512)
    question = query[12 : 12 + len(wanted) + 4]
    is_ours = question[: len(wanted)].lower() == wanted
    is_a = question[len(wanted) : len(wanted) + 2] == b"\0\1"
    answers = 1 if is_ours and is_a else 0
    flags = 0x8180 if is_ours else 0x8183  # NXDOMAIN for other names
    reply = query[:2] + struct.pack("!HHHHH", flags, 1, answers, 0, 0) + question
    if answers:
        reply += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    server.sendto(reply, client)
