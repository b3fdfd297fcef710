"""Events as the field writes them: numbers in other shapes, fields within others, some of them
missing."""

from generate import Generator
from reference import steps

WHOLE = ("100.0", "1e2", "1.5e1", "1E+2", "-0.0", "0e999999999999", "1500e-2", "9e18", "10.000")
NOT_WHOLE = ("1.5", "1e400", "-1.0", "15e-1", "1e-400", "9223372036854775808.0", "1e19", "0.5",
             "9223372036854775807.5", "1e99999999999999999999")
ODD = ("null", "true", "{}", "[]", '{"$numberLong":7}', '{"$numberLong":"7","x":1}',
       '{"$numberDouble":"7.0"}', '{"$numberInt":"7.0"}', '{"$oid":"507f"}', '" 7"', '"+7"', '"07"',
       '""', '"7 "', '"x"')


class Shapes(Generator):
    def __init__(self, random, rules):
        super().__init__(random, rules)
        self.layout = random.choice((self.shaped, self.fixed))
        self.fixed_shape = self.below(12)

    def number(self, kind):
        """A number in one of twelve shapes, of which three are plain."""
        below, choice = self.below, self.random.choice
        digits = str(below(10 ** (1 + below(19))))
        if kind < 3:
            return digits
        if kind == 3:
            return choice(("-0", "-7", "9223372036854775807", "9223372036854775808", "9" * 30))
        if kind == 4:
            return f'"{digits}"'
        if kind == 5:
            return choice((f"{digits}.0", f"{digits}e0", f"{digits}00E-2", choice(WHOLE)))
        if kind == 6:
            return f'"{choice(WHOLE)}"'
        if kind in (7, 8):
            space = self.space()
            name = self.escaped(choice(("$numberLong", "$numberInt")))
            return f"{{{space}{name}{space}:{space}{self.escaped(digits)}{space}}}"
        if kind == 9:
            return choice(NOT_WHOLE)
        if kind == 10:
            return choice(ODD)
        return self.escaped(choice((*WHOLE, *NOT_WHOLE, "0" * 1030, "1." + "0" * 1022)))

    def key_text(self):
        if self.below(3):
            return f'"user{self.below(self.users)}"'
        return self.number(self.below(12))

    def value_text(self):
        return self.number(self.below(12) if self.below(2) else self.fixed_shape)

    def object_of(self, fields, sloppy):
        """The fields in their places, as (names that lead there, text)."""
        random, below = self.random, self.below
        members = []
        for name in dict.fromkeys(names[0] for names, _ in fields):
            inner = [(names[1:], text) for names, text in fields if names[0] == name]
            text = inner[0][1] if not inner[0][0] else self.object_of(inner, sloppy)
            if inner[0][0] and sloppy and below(10) == 0:
                text = random.choice(("null", "{}", "1", "[]", f"[{text}]", '""'))
            if not (sloppy and below(15) == 0):
                members.append(self.member(self.escaped(name), text))
            if sloppy and below(40) == 0:
                members.append(self.member(self.escaped(name), random.choice((text, "null", "{}"))))
        for _ in range(below(3) if sloppy else 0):
            members.append(self.member(self.string(), self.any_value(2)))
        random.shuffle(members)
        return "{" + ",".join(members) + "}"

    def shaped(self):
        return self.object_of([(steps(self.rules.key), self.key_text()),
                               (steps(self.rules.value), self.value_text())], sloppy=False)

    def fixed(self):
        """One layout over and over, mostly of strict events."""
        value = self.number(0 if self.below(4) else self.fixed_shape)
        key = f'"user{self.below(self.users)}"' if self.below(10) else str(self.below(100))
        return self.object_of([(steps(self.rules.key), key), (steps(self.rules.value), value)],
                              sloppy=False)

    def grammatical(self):
        return self.object_of([(steps(self.rules.key), self.key_text()),
                               (steps(self.rules.value), self.value_text())], sloppy=True)
