"""Lines of events by a grammar, laid out in many ways, and damage to them; all from one seed."""

import json

EVENTS = ("click", "signIn", "purchase", "search", "error", "pageView")
ESCAPES = (
    '\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0041", "\\u00e9", "\\u20AC",
    "\\ud83d\\ude00", "\\u0000", "\\ud800", "\\udc00", "\\uDBFF\\uDFFF", "\\u001f", "\\u007f",
)
PLAIN = (
    "a", "Z", "0", " ", "user", "\x7f", "é", "€", "😀", "\u2028", "\ufeff", "\uffff", "'", "/", "{",
    "}", "[", "]", ":", ",",
)
NUMBERS = (
    "0", "-0", "1", "-1", "10", "0.5", "-0.0", "1e5", "1E-5", "2.5e+10", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "1e999999", "123456789012345678",
    "1234567890123456789", "12345678901234567890123456789012345678901234567890",
)
SPACES = ("", "", "", "", " ", "  ", "\t", "\r", " \t\r ")
TOKENS = (
    b"NaN", b"Infinity", b"-", b"+1", b"01", b"1.", b".5", b"1e", b"0x1", b"true", b"True", b"nul",
    b"null", b",", b",,", b":", b"{", b"}", b"[", b"]", b"{}", b"[]", b'"', b'\\"', b"\\", b"\\u",
    b"\\u12", b"\\x41", b"\\ud800", b"//", b"/**/", b"'", b"\x00", b"\x01", b"\x1f", b"\x7f",
    b"\t", b"\n", b"\r", b"\r\n", b" ", b"\x0b", b"\x0c", b"\xa0", b"\xc2\xa0", b"\xef\xbb\xbf",
    b"\xff", b"\xfe", b"\xc0\x80", b"\xc1\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf0\x8f\xbf\xbf", b"\xe2\x82", b"\x80", b"9223372036854775808", b"1e400", b"-5",
    b'"userId"', b'"userId":"v",', b'"sessionDuration":1,', b'"sessionDuration"',
    b'"user\\u0049d"', b"9" * 30, b"0" * 20, b"[" * 63, b"[" * 64, b"]" * 64, b'{"a":' * 70,
    b" " * 40,
)


class Generator:
    def __init__(self, random, rules):
        self.random, self.rules = random, rules
        self.key, self.value = json.dumps(rules.key), json.dumps(rules.value)
        self.layout = random.choice((self.compact, self.spaced, self.narrow, self.wide))
        self.users = random.choice((3, 50, 5000))

    def below(self, bound):
        """Much faster than randrange()."""
        return int(self.random.random() * bound)

    # The layouts that programs write, over and over.

    def compact(self):
        below = self.below
        return (
            f'{{"timestamp":"2024-{below(12) + 1:02}-07T14:30:{below(60):02}",'
            f'{self.key}:"user{below(self.users):03}","eventType":"{EVENTS[below(6)]}",'
            f'"productId":"product{below(5):03}",{self.value}:{below(970) + 30}}}'
        )

    def spaced(self):
        return self.compact().replace('":"', '": "').replace('","', '", "')

    def narrow(self):
        value = self.below(10 ** self.below(19))
        return f'{{{self.value}:{value},{self.key}:"{self.below(self.users)}"}}'

    def wide(self):
        below = self.below
        return (
            f'{{ "ok": {"true" if below(2) else "false"}, "ratio": {below(1000000) / 10000:.4f}, '
            f'{self.key}: "{EVENTS[below(6)]}-{below(self.users)}", '
            f'"note": {"null" if below(10) else 1e22}, '
            f'{self.value}: {below(1000)} ,"x":-{below(5)}}}'
        )

    # Any line the grammar allows.

    def string(self):
        choice = self.random.choice
        return '"' + "".join(choice(PLAIN if self.below(5) else ESCAPES)
                             for _ in range(self.below(6))) + '"'

    def escaped(self, text):
        """The same name or key, written with escapes here and there."""
        return '"' + "".join(
            f"\\u{ord(char):04x}" if self.below(10) == 0 and ord(char) < 0x10000
            else json.dumps(char, ensure_ascii=False)[1:-1] for char in text) + '"'

    def space(self):
        return self.random.choice(SPACES)

    def scalar(self):
        kind = self.below(10)
        if kind < 4:
            return self.string()
        return self.random.choice(NUMBERS if kind < 8 else ("true", "false", "null"))

    def any_value(self, depth):
        kind = self.below(100)
        if depth == 0 or kind < 60:
            return self.scalar()
        if kind < 62:
            levels = 60 + self.below(8)
            return "[" * levels + "]" * levels
        items = [self.any_value(depth - 1) for _ in range(self.below(4))]
        space = self.space()
        if kind < 80:
            return "[" + space + ",".join(self.space() + item for item in items) + space + "]"
        return "{" + space + ",".join(self.member(self.string(), item) for item in items) + "}"

    def member(self, name, value):
        return self.space() + name + self.space() + ":" + self.space() + value + self.space()

    def grammatical(self):
        random, below = self.random, self.below
        key = self.escaped(f"user{below(self.users)}") if below(3) else self.string()
        value = str(below(10000)) if below(3) else random.choice(NUMBERS)
        members = [self.member(self.escaped(self.rules.key), key),
                   self.member(self.escaped(self.rules.value), value)]
        for _ in range(below(4)):
            members.append(self.member(self.string(), self.any_value(3)))
        if below(20) == 0:
            members.append(random.choice(members))
        if below(20) == 0:
            members.pop(0)
        random.shuffle(members)
        return self.space() + "{" + ",".join(members) + "}" + self.space()

    # Damage.

    def damaged(self, line, other):
        below = self.below
        line = bytearray(line)
        for _ in range(1 + (below(10) < 3)):
            at = below(len(line) + 1)
            to = min(len(line), at + 1 + int(self.random.random() ** 3 * 20))
            kind = below(9)
            if kind == 0 and at < len(line):
                line[at] ^= 1 << below(8)
            elif kind == 1 and at < len(line):
                line[at] = below(256)
            elif kind == 2:
                del line[at:to]
            elif kind == 3:
                line[at:at] = line[at:to]
            elif kind == 4:
                del line[at:]
            elif kind == 5:
                line[at:] = other[below(len(other) + 1):]
            elif kind == 6:
                line[at:to] = self.random.choice(TOKENS)
            elif kind == 7:
                line[at:at] = self.random.choice(TOKENS)
            elif kind == 8:
                start = below(len(line))
                line[at:at] = line[start:start + 8]
        return bytes(line)

    def text(self, count):
        """So many lines (some damage adds line feeds), most of one layout."""
        lines, before = [], b"{}"
        for _ in range(count):
            line = (self.layout() if self.below(4) else self.grammatical()).encode()
            lines.append(self.damaged(line, before) if self.below(10) < 4 else line)
            before = line
        end = b"\n" if self.below(5) else b"\r\n"
        begin = b"\xef\xbb\xbf" if self.below(5) == 0 else b""
        return begin + end.join(lines) + (end if self.below(10) < 7 else b"")
