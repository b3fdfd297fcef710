"""Objects of a Kubernetes API server in memory, each with its versions, and the events of watches."""
import base64
import bisect
import copy
import datetime
import json
import re
import threading
import uuid


class Refused(Exception):
    """An answer that is not 2xx, as the API says it: a Status object."""

    def __init__(self, code, reason, message, details=None, retry_after=None):
        super().__init__(message)
        self.code, self.retry_after = code, retry_after
        self.status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                       "message": message, "reason": reason, "code": code}
        if details:
            self.status["details"] = details


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def labels_match(selector, labels):
    """Whether labels are what a labelSelector asks for: a=b, a!=b, a, !a, a in (b, c)."""
    for term in re.findall(r"[^,(]+(?:\([^)]*\))?", selector or ""):
        term = term.strip()
        if found := re.fullmatch(r"([^ ]+) (in|notin) \(([^)]*)\)", term):
            inside = labels.get(found[1]) in [value.strip() for value in found[3].split(",")]
            good = inside == (found[2] == "in")
        elif "!=" in term:
            name, value = term.split("!=")
            good = labels.get(name) != value
        elif "=" in term:
            name, value = re.split("==?", term)
            good = labels.get(name) == value
        elif term.startswith("!"):
            good = term[1:] not in labels
        else:
            good = term in labels
        if not good:
            return False
    return True


def fields_match(selector, thing):
    """The same of a fieldSelector, of which there are name and phase."""
    for term in filter(None, (selector or "").split(",")):
        name, value = re.split("==?", term)
        at = thing
        for part in name.split("."):
            at = at.get(part, {})
        if at != value:
            return False
    return True


def merge(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


class Store:
    """Kept under one lock; objects are replaced, never changed, so that they may be read without it.

    Versions are no numbers on purpose: whoever computes with them fails here.
    """

    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self.version = 1000
        self.floor = 1000      # older versions are compacted away
        self.objects = {}      # (resource, namespace, name) -> object
        self.events = []       # (version, type, key, object before, object after)
        self.pages = {}        # continue token -> (version, the rest)
        self.listeners = []    # called with (type, key, object) under the lock

    def find(self, key):
        with self.changed:
            return self.objects.get(key)

    def of(self, resource, namespace=None):
        with self.changed:
            return [thing for key, thing in sorted(self.objects.items())
                    if key[0] == resource and namespace in (None, key[1])]

    def note(self, kind, key, before, after, silent=False):
        self.version += 1
        after = copy.deepcopy(after)
        after["metadata"]["resourceVersion"] = f"v{self.version}"
        if kind == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = after
        if not silent:
            self.events.append((self.version, kind, key, before, after))
        for listener in self.listeners:
            listener(kind, key, after)
        self.changed.notify_all()
        return after

    def create(self, key, thing):
        with self.changed:
            if key in self.objects:
                raise Refused(409, "AlreadyExists", f'{key[0]} "{key[2]}" already exists',
                              {"name": key[2], "kind": key[0]})
            thing = copy.deepcopy(thing)
            thing.setdefault("metadata", {}).update(
                name=key[2], namespace=key[1], uid=str(uuid.uuid4()), creationTimestamp=now(), generation=1)
            return self.note("ADDED", key, None, thing)

    def get(self, key):
        thing = self.find(key)
        if thing is None:
            raise Refused(404, "NotFound", f'{key[0]} "{key[2]}" not found', {"name": key[2], "kind": key[0]})
        return thing

    def patch(self, key, patch):
        with self.changed:
            before = self.get(key)
            meta = patch.get("metadata", {})
            for name in ("uid", "resourceVersion"):
                if meta.get(name, before["metadata"][name]) != before["metadata"][name]:
                    raise Refused(409, "Conflict", f'Operation cannot be fulfilled on {key[0]} "{key[2]}": '
                                  f"Precondition failed: {name} in precondition: {meta[name]}")
            after = merge(before, patch)
            return before if after == before else self.note("MODIFIED", key, before, after)

    def change(self, key, uid, patch):
        """A controller's change: of that very object, or nothing."""
        with self.changed:
            before = self.objects.get(key)
            if before is None or before["metadata"]["uid"] != uid:
                return None
            return self.note("MODIFIED", key, before, merge(before, patch))

    def delete(self, key, preconditions=None):
        with self.changed:
            before = self.get(key)
            for name, wanted in (preconditions or {}).items():
                if wanted != before["metadata"][name]:
                    raise Refused(409, "Conflict", f'Operation cannot be fulfilled on {key[0]} "{key[2]}": '
                                  f"the {name} in the precondition ({wanted}) does not match")
            return self.note("DELETED", key, before, before)

    def forget(self, key):
        """Gone, and no watch ever tells."""
        with self.changed:
            before = self.objects.get(key)
            return before and self.note("DELETED", key, before, before, silent=True)

    def compact(self):
        """All versions that anybody has are too old."""
        with self.changed:
            self.version += 1
            self.floor = self.version
            self.events.clear()
            self.pages.clear()
            self.changed.notify_all()

    @staticmethod
    def selects(query, thing):
        return (labels_match(query.get("labelSelector"), thing["metadata"].get("labels", {}))
                and fields_match(query.get("fieldSelector"), thing))

    def list(self, resource, namespace, query):
        """(objects, version, token of the next page, how many are left)"""
        with self.changed:
            if token := query.get("continue"):
                if token not in self.pages:
                    raise Refused(410, "Expired", "The provided continue parameter is too old")
                version, rest = self.pages.pop(token)
            else:
                version = self.version
                rest = [thing for thing in self.of(resource, namespace) if self.selects(query, thing)]
            limit = int(query.get("limit", 0)) or len(rest)
            page, rest = rest[:limit], rest[limit:]
            token = ""
            if rest:
                text = json.dumps({"v": version, "left": len(rest), "id": str(uuid.uuid4())})
                token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
                self.pages[token] = (version, rest)
            return page, f"v{version}", token, len(rest)

    def number(self, version):
        """Of a version that this server gave out; the others are refused as the API refuses them."""
        if not re.fullmatch(r"v\d+", version):
            raise Refused(400, "BadRequest", f"Invalid value: {version!r}: resourceVersion")
        return int(version[1:])

    def since(self, at, resource, namespace, query, timeout):
        """(events after version `at`, the version they end at); waits for one."""
        with self.changed:
            if not self.events or self.events[-1][0] <= at:
                self.changed.wait(timeout)
            found = []
            first = bisect.bisect_right(self.events, at, key=lambda event: event[0])
            for _, kind, key, before, after in self.events[first:]:
                if key[:2] != (resource, namespace):
                    continue
                was = before is not None and self.selects(query, before)
                is_now = self.selects(query, after)
                if kind == "MODIFIED" and was != is_now:
                    kind = "ADDED" if is_now else "DELETED"
                if is_now or was:
                    found.append((kind, after))
            return found, max(at, self.version)
