"""The inputs, each made once and kept."""
import hashlib
import os
import subprocess
from pathlib import Path

SPACED = ["sed", r's/":/": /g; s/,"/, "/g']
VALUE_FIRST = ["sed", "-E", r's/^\{(.*),("sessionDuration":[0-9]+)\}$/{\2,\1}/']
ESCAPED = ["sed", r's/":"\(..\)/":"\1\\u00e9/g']
UNICODE = ["sed", 's/":"\\(..\\)/":"\\1\u00e9\u4e16/g']


class Inputs:
    def __init__(self, directory, fake_gen):
        self.directory = Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.fake_gen = fake_gen

    def events(self, count, users, *options):
        path = self.directory / f"{count}-{users}{''.join(options)}.jsonl"
        if not path.exists():
            argv = [self.fake_gen, "-n", str(count), "-u", str(users), "-s", "7", *options]
            subprocess.run([*argv, "-o", path], check=True, stderr=subprocess.DEVNULL)
        return path

    def derived(self, source, name, argv):
        """Another file made of one by a filter."""
        path = source.with_suffix(f".{name}")
        if not path.exists():
            with open(source, "rb") as text, open(f"{path}.part", "wb") as out:
                subprocess.run(argv, stdin=text, stdout=out, check=True)
            os.rename(f"{path}.part", path)
        return path

    def distinct(self, source):
        """The same events, each with a user of its own."""
        return self._renamed(source, "distinct", lambda number, _: b"user%d" % number)

    def uuids(self, source):
        """The same events, the users named by UUIDs, of 36 bytes."""
        return self._renamed(source, "uuids", lambda _, user: uuid(user))

    @staticmethod
    def _renamed(source, name, rename):
        path = source.with_suffix(f"{source.suffix}.{name}")
        if not path.exists():
            with open(source, "rb") as text, open(f"{path}.part", "wb") as out:
                for number, line in enumerate(text, 1):
                    before, field, after = line.partition(b'"userId":"')
                    user, quote, rest = after.partition(b'"')
                    out.write(b"".join((before, field, rename(number, user), quote, rest)))
            os.rename(f"{path}.part", path)
        return path


def uuid(user):
    digits = hashlib.md5(user).hexdigest()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts).encode()
