"""Faults that a fake server is told of: which requests they meet, and what becomes of those.

A rule is a dictionary. What it meets:
  match     a regular expression for `METHOD PATH?QUERY`; every request when it is missing
  body      one for the request's body
  nth       leaves the first nth - 1 of them alone (1)
  times     how many are met then (1); 0: all
  chance    of those, with this probability
What becomes of the request, in this order:
  delay_ms  it waits
  hold      "before" or "after" it is done: it waits until release(); "before" and released to be
            dropped: it is never done
  cut       the connection ends "before" it is done, "after", or in the "middle" of the answer
  status    is answered with reason, message, details, retry_after; done: true does it nevertheless
  text      is the body of a 200 instead
  stream    of a watch or a log, after so many events or pieces (`after`, 0): "close", "cut" (within
            a line), "silent", "gone" (an event of 410), "double" (each event twice), "skip" (one
            event never comes), "stale" (an old state again), "garbage" (a line that is no JSON)
"""
import random
import re
import threading


class Rule:
    def __init__(self, wanted, number):
        unknown = set(wanted) - {"match", "body", "nth", "times", "chance", "delay_ms", "hold", "cut", "status",
                                 "reason", "message", "details", "retry_after", "done", "text", "stream", "after"}
        if unknown:
            raise ValueError(f"a rule has no {', '.join(sorted(unknown))}")
        self.number, self.wanted = number, wanted
        self.match = re.compile(wanted.get("match", ""))
        self.body = re.compile(wanted.get("body", ""))
        self.seen = self.hits = 0


class Held:
    """One request that waits."""

    def __init__(self, asked):
        self.asked, self.go, self.drop = asked, threading.Event(), False


class Faults:
    def __init__(self, seed=None):
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.rules, self.held, self.count = [], [], 0
        self.random = random.Random(seed)

    def add(self, **wanted):
        with self.lock:
            self.count += 1
            self.rules.append(Rule(wanted, self.count))
            return self.rules[-1]

    def clear(self):
        with self.lock:
            self.rules.clear()
        self.release()

    def meet(self, asked, body=""):
        """The rule that meets a request, if any: the first that does."""
        with self.lock:
            for rule in self.rules:
                wanted = rule.wanted
                if not rule.match.search(asked) or not rule.body.search(body):
                    continue
                rule.seen += 1
                times = wanted.get("times", 1)
                if rule.seen < wanted.get("nth", 1) or (times and rule.hits >= times):
                    continue
                if self.random.random() >= wanted.get("chance", 1):
                    continue
                rule.hits += 1
                return wanted
        return {}

    def hold(self, asked):
        """Waits for release(); whether the request is to be done."""
        held = Held(asked)
        with self.changed:
            self.held.append(held)
            self.changed.notify_all()
        held.go.wait()
        return not held.drop

    def wait_held(self, count=1, timeout=20):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.held) >= count, timeout)

    def release(self, drop=False):
        with self.changed:
            for held in self.held:
                held.drop = drop
                held.go.set()
            self.held.clear()
