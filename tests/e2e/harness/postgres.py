"""A PostgreSQL server of its own, from Debian's package, on a free port and a Unix socket."""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from harness.process import free_address
from harness.wait import until

PASSWORD = "pg-secret-1"


def programs():
    """The newest version's directory, or nothing where the package is not installed."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def unprivileged():
    """The server refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        except KeyError:
            continue
    raise AssertionError("there is no user to run PostgreSQL as")


class Postgres:
    def __init__(self):
        self.bin = programs()
        assert self.bin, "postgresql is not installed"
        self.account = unprivileged()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="trunkline-pg-"))
        password = self.home / "password"
        password.write_text(PASSWORD)
        if self.account:
            for path in (self.home, password):
                os.chown(path, self.account["user"], self.account["group"])
        self.port = int(free_address().rsplit(":", 1)[1])
        self.process = None
        self._run("initdb", "-D", self.home / "data", "-U", "trunkline", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
                  "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}")

    def _run(self, program, *arguments):
        done = subprocess.run([self.bin / program, *map(str, arguments)], capture_output=True, text=True, cwd=self.home,
                              timeout=120, **self.account)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self):
        # After a kill -9 its children need a moment to notice; until then another start is refused.
        until(self._started, lambda: (self.home / "log").read_text()[-3000:])
        return self

    def _started(self):
        if self.process is None or self.process.poll() is not None:
            with open(self.home / "log", "ab") as log:
                self.process = subprocess.Popen(
                    [self.bin / "postgres", "-D", self.home / "data", "-k", self.home, "-p", str(self.port),
                     "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=32MB"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home, **self.account)
        return subprocess.run([self.bin / "pg_isready", "-q", "-h", self.home, "-p", str(self.port)]).returncode == 0

    def end(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def close(self):
        self.end(signal.SIGINT)
        shutil.rmtree(self.home, ignore_errors=True)

    def ask(self, sql, database="postgres"):
        """The rows, each a list of texts."""
        done = subprocess.run([self.bin / "psql", "-h", self.home, "-p", str(self.port), "-U", "trunkline", "-d", database,
                               "-v", "ON_ERROR_STOP=1", "-X", "-A", "-t", "-q", "-F", "\t", "-c", sql],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def value(self, sql):
        [[value]] = self.ask(sql)
        return value
