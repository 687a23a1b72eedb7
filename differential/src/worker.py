"""Runs fail2ban-regex again and again without starting Python each time.

A request is a line: the words of the command line, each as hexadecimal digits,
and before them those of the time zone; separated by blanks. The answer is a line
with the exit status and the number of bytes on standard output and standard
error, followed by these bytes. Every request has a process of its own, so that
nothing is remembered from one to the next; it ends after some seconds, with the
status -14.

It begins with its version in a line of its own, and is answered with the names
of known differences that are to be taken out of it.
"""

import io
import os
import re
import signal
import sys
import tempfile
import time

SECONDS = 5

if os.environ.get("FAIL2BAN_SRC"):
    sys.path.insert(0, os.environ["FAIL2BAN_SRC"])

from fail2ban.version import version


def colon_addresses():
    from fail2ban.server.ipdns import IPAddr

    def mended(expression):
        changed = expression.replace("|::)", "|:)")
        assert changed != expression
        return changed

    IPAddr.IP_6_RE = mended(IPAddr.IP_6_RE)
    IPAddr.IP_4_6_CRE = re.compile(mended(IPAddr.IP_4_6_CRE.pattern))


def compact_dates():
    from fail2ban.server.datedetector import DateDetectorCache

    templates = DateDetectorCache.DEFAULT_TEMPLATES
    (at,) = [at for at, template in enumerate(templates) if "%ExH%ExM%ExS" in template]
    template = templates[at].replace("%ExH%ExM%ExS", "%ExH:?%ExM:?%ExS")
    templates[at] = template.replace("(?:T|", "(?:-|T|")


def empty_groups():
    from fail2ban.server.failregex import Regex

    class Groups(dict):
        def copy(self):
            return Groups(self)

        def update(self, other):
            super().update((name, text) for name, text in dict(other).items() if text is not None)

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        groups = self.getGroups
        self.getGroups = lambda: Groups(groups())

    original = Regex.__init__
    Regex.__init__ = init


def ignoreregex():
    from fail2ban.client.fail2banregex import Fail2banRegex

    def read(self, value, regextype):
        if regextype == "ignore" and self._ignoreregex:
            self._filter.delIgnoreRegex()
        return original(self, value, regextype)

    original = Fail2banRegex.readRegex
    Fail2banRegex.readRegex = read


def slashes():
    from fail2ban.server.ipdns import IPAddr

    def wrap(text):
        inner = text[1:-1] if len(text) > 2 and text[0] + text[-1] == "[]" else text
        return original(text) if subnet.match(inner) else (inner, IPAddr.CIDR_UNSPEC)

    address = "(?:%s|%s)" % (IPAddr.IP_4_RE, IPAddr.IP_6_RE)
    subnet = re.compile(r"^%s/(?:\d+|%s)$" % (address, address))
    original = IPAddr._IPAddr__wrap_ipstr
    IPAddr._IPAddr__wrap_ipstr = staticmethod(wrap)


# The differences of releases that can be taken out of them, each by putting in its
# place what the development version has. They come before what uses them is loaded.
MENDED = {
    "colon-addresses": colon_addresses,
    "compact-dates": compact_dates,
    "empty-groups": empty_groups,
    "ignoreregex": ignoreregex,
    "slashes": slashes,
}


def child(zone, words):
    os.environ["TZ"] = zone
    time.tzset()
    sys.argv = ["fail2ban-regex"] + words
    status = 0
    try:
        fail2banregex.exec_command_line()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.__excepthook__(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status & 255)


def run(zone, words):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = os.fork()
        if process == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), encoding="utf-8")
            sys.stderr = io.TextIOWrapper(
                os.fdopen(2, "wb"), encoding="utf-8", errors="backslashreplace"
            )
            signal.alarm(SECONDS)
            child(zone, words)
        _, status = os.waitpid(process, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


answers = sys.stdout.buffer
answers.write(version.encode() + b"\n")
answers.flush()
for name in sys.stdin.readline().split():
    MENDED[name]()
from fail2ban.client import fail2banregex

for request in sys.stdin:
    zone, *words = [
        bytes.fromhex(word[1:]).decode("utf-8", "surrogateescape") for word in request.split()
    ]
    status, out, err = run(zone, words)
    answers.write(b"%d %d %d\n" % (status, len(out), len(err)))
    answers.write(out)
    answers.write(err)
    answers.flush()
