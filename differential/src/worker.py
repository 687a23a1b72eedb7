"""Runs fail2ban-regex again and again without starting Python each time.

A request is a line: the words of the command line, each as hexadecimal digits,
and before them those of the time zone; separated by blanks. The answer is a line
with the exit status and the number of bytes on standard output and standard
error, followed by these bytes. Every request has a process of its own, so that
nothing is remembered from one to the next; it ends after some seconds, with the
status -14.
"""

import io
import os
import signal
import sys
import tempfile
import time

SECONDS = 5

if os.environ.get("FAIL2BAN_SRC"):
    sys.path.insert(0, os.environ["FAIL2BAN_SRC"])

from fail2ban.client import fail2banregex
from fail2ban.version import version


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
for request in sys.stdin:
    zone, *words = [
        bytes.fromhex(word[1:]).decode("utf-8", "surrogateescape") for word in request.split()
    ]
    status, out, err = run(zone, words)
    answers.write(b"%d %d %d\n" % (status, len(out), len(err)))
    answers.write(out)
    answers.write(err)
    answers.flush()
