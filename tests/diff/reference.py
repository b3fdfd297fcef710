"""What a line means, by Python's json parser and the rules it lacks: the scanner's twin."""

import json
import re
import sys
from typing import NamedTuple

DEPTH_MAX = 64
VALUE_MAX = 2**63 - 1
TEXT_NUMBER_MAX = 1024
SHAPES = ("number-keys", "text-numbers", "whole-floats", "extended-json")
BOM = b"\xef\xbb\xbf"
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")

sys.set_int_max_str_digits(0)


class Rules(NamedTuple):
    key: str = "userId"
    value: str = "sessionDuration"
    max_line: int = 1 << 20
    max_key: int = 1024
    accept: tuple = ()
    skip_missing: bool = False

    def options(self):
        accept = ["--accept", ",".join(self.accept)] if self.accept else []
        return [*accept, *["--skip-missing"] * self.skip_missing]


def steps(field):
    """The names that lead to a field."""
    if not field.startswith("/"):
        return [field]
    return [step.replace("~1", "/").replace("~0", "~") for step in field[1:].split("/")]


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
    """The one value of that name, or None: absent is as null."""
    found = [value for pair_name, value in pairs if pair_name == name]
    if len(found) > 1:
        raise ValueError(f"{name} appears {len(found)} times")
    return found[0] if found else None


def find(pairs, field):
    for step in steps(field):
        if pairs is None:
            return None
        if type(pairs) is not Object:
            raise ValueError(f"{field}: a step is not an object")
        pairs = only(pairs, step)
    return pairs


def whole(text):
    """The integer that a number of JSON is, by integers alone; ValueError where it is none."""
    matched = NUMBER.fullmatch(text)
    if matched is None:
        raise ValueError("not a number")
    sign, before, after, power = matched.groups(default="")
    digits, power = int(before + after), int(power or 0) - len(after)
    if digits == 0:
        return 0
    if power > 5000 or -power > len(before + after):
        raise ValueError("beyond any key and value, or a fraction")
    number, rest = (digits * 10**power, 0) if power >= 0 else divmod(digits, 10**-power)
    if rest:
        raise ValueError("a fraction")
    return -number if sign else number


def number_text(value):
    """How a value writes a number, and what must be accepted for it."""
    if type(value) is Integer:
        return value, set()
    if type(value) is Decimal:
        return value, {"whole-floats"}
    if type(value) is str:
        if len(value.encode("utf-8", "surrogatepass")) > TEXT_NUMBER_MAX:
            raise ValueError("too long")
        return value, {"text-numbers"} | ({"whole-floats"} if set(value) & set(".eE") else set())
    if type(value) is Object and len(value) == 1 and value[0][0] in ("$numberLong", "$numberInt"):
        text = value[0][1]
        if type(text) is str and not set(text) & set(".eE"):
            return number_text(text)[0], {"extended-json"}
    raise ValueError("not a number")


def event(raw, rules):
    """(key in bytes, value, what was accepted) of a line that is neither blank nor bad, or None."""
    pairs = parse(raw)
    if type(pairs) is not Object:
        raise ValueError("not an object")
    key, value = find(pairs, rules.key), find(pairs, rules.value)
    if not rules.skip_missing and (key is None or value is None):
        raise ValueError("missing")
    used = set()
    if key is not None and type(key) is not str:
        text, used = number_text(key)
        key, used = str(whole(text)), used | {"number-keys"}
    if key is not None:
        if key == "" or "\0" in key:
            raise ValueError("unusable key")
        key = key.encode("utf-8", "strict")
        if len(key) > rules.max_key:
            raise ValueError("key too long")
    if value is not None:
        text, needed = number_text(value)
        value, used = whole(text), used | needed
        if not 0 <= value <= VALUE_MAX:
            raise ValueError("value out of range")
    if not used <= set(rules.accept):
        raise ValueError("not accepted")
    return None if key is None or value is None else (key, value, used)


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
    """("event", key, value, accepted), ("blank",), ("skipped",) or ("bad",); raw is without its
    line feed."""
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    if len(raw) > rules.max_line:
        return ("bad",)
    if first:
        raw = raw.removeprefix(BOM)
    if not raw.strip(b" \t\r"):
        return ("blank",)
    try:
        found = event(raw, rules)
    except ValueError:
        return ("bad",)
    return ("skipped",) if found is None else ("event", *found)
