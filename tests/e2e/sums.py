#!/usr/bin/env python3
"""Adds up events on stdin as the table must hold them: a line of user|sum for each, by user."""

import collections
import json
import sys

sums = collections.Counter()
for line in sys.stdin:
    event = json.loads(line)
    sums[event["userId"]] += event["sessionDuration"]
for user in sorted(sums):
    print(f"{user}|{sums[user]}")
