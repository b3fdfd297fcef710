"""What a line means, by Python's json parser and the rules it lacks: the scanner's twin."""

import json
import re
from typing import NamedTuple

DEPTH_MAX = 64
VALUE_MAX = 2**63 - 1
BOM = b"\xef\xbb\xbf"
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')


class Rules(NamedTuple):
    key: str = "userId"
    value: str = "sessionDuration"
    max_line: int = 1 << 20
    max_key: int = 1024


class Integer(str):
    """The digits of a number without fraction or exponent."""


class Decimal(str):
    """The text of any other number."""


class Object(list):
    """Pairs, so that a name given twice is seen."""


def refuse(word):
    raise ValueError(word)


DECODER = json.JSONDecoder(object_pairs_hook=Object, parse_int=Integer, parse_float=Decimal,
                           parse_constant=refuse, strict=True)


def depth(text):
    level = deepest = 0
    for char in STRINGS.sub("", text):
        if char in "[{":
            level += 1
            deepest = max(deepest, level)
        elif char in "]}":
            level -= 1
    return deepest


def parse(raw):
    """The value of a JSON text in bytes; ValueError where RFC 8259 or the depth is violated."""
    text = raw.decode("utf-8", "strict")
    try:
        value = DECODER.decode(text)
    except RecursionError:
        raise ValueError("too deep") from None
    if text.count("[") + text.count("{") > DEPTH_MAX and depth(text) > DEPTH_MAX:
        raise ValueError("too deep")
    return value


def only(pairs, name):
    found = [value for pair_name, value in pairs if pair_name == name]
    if len(found) != 1:
        raise ValueError(f"{name} appears {len(found)} times")
    return found[0]


def event(raw, rules):
    """(key in bytes, value) of a line that is neither blank nor bad."""
    pairs = parse(raw)
    if type(pairs) is not Object:
        raise ValueError("not an object")
    key, value = only(pairs, rules.key), only(pairs, rules.value)
    if type(key) is not str or key == "" or "\0" in key:
        raise ValueError("unusable key")
    key = key.encode("utf-8", "strict")
    if len(key) > rules.max_key:
        raise ValueError("key too long")
    if type(value) is not Integer or len(value) > len(str(VALUE_MAX)) + 1:
        raise ValueError("unusable value")
    number = int(value)
    if not 0 <= number <= VALUE_MAX:
        raise ValueError("value out of range")
    return key, number


def is_json(raw):
    try:
        parse(raw)
    except ValueError:
        return False
    return True


def may_be_no_line(raw):
    """Whether a file that begins with this line may be another format, all of it."""
    raw = raw.removeprefix(BOM).strip(b" \t\r")
    return raw[:1] in (b"[", b"<", b"\x1e") or (raw[:1] == b"{" and not is_json(raw))


def read_line(raw, rules, first=False):
    """("event", key, value), ("blank",) or ("bad",); raw is without its line feed."""
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    if len(raw) > rules.max_line:
        return ("bad",)
    if first:
        raw = raw.removeprefix(BOM)
    if not raw.strip(b" \t\r"):
        return ("blank",)
    try:
        return ("event", *event(raw, rules))
    except ValueError:
        return ("bad",)
