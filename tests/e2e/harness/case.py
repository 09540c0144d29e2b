"""What every test has: a directory of its own, and everything it started stopped at its end."""
import pathlib
import shutil
import tempfile
import unittest

from harness import events, settings
from harness.process import Hub, SimSink, command
from harness.receiver import Receiver
from harness.wait import until

SOURCE = {"kind": "eventbridge", "auth": {"api_key": "${env:TEST_KEY}"}}


def http_sink(url, **options):
    return {"http": {"url": url, "allow_loopback": True, **options}}


class HubTest(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="trunkline-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.make = events.Maker()

    def config(self, consumers, sources=None, **root):
        return {"data_dir": "./data", "listen": "127.0.0.1:0", "sources": sources or {"genesys": SOURCE},
                "consumers": consumers, **root}

    def hub(self, consumers=None, start=True, env=None, **root):
        hub = Hub(self.directory, self.config(consumers or {}, **root), env)
        self.addCleanup(self._end, hub)
        return hub.start() if start else hub

    def _end(self, hub):
        if hub.child and hub.child.running():
            hub.kill()

    def receiver(self, answer=None):
        receiver = Receiver(answer)
        self.addCleanup(receiver.close)
        return receiver

    def sim_sink(self, name, *arguments):
        sink = SimSink(self.directory, name, *arguments)
        self.addCleanup(lambda: sink.child.running() and sink.child.end(9))
        return sink

    def until(self, condition, what, within=60):
        return until(condition, what, within)

    def count(self, quick, full):
        return quick if settings.QUICK else full

    def accepted(self, answer, count=1):
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["accepted"], count, answer)
        return answer.sequences()

    def sim(self, hub, ledger, *arguments, timeout=600):
        """Load to its end; returns what the simulator says of it."""
        done = command("sim", "--to", f"{hub.url}/ingest/genesys", "--key", hub.env["TEST_KEY"], "--ledger",
                       self.directory / ledger, "--json", "--quiet", *arguments, timeout=timeout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def verify(self, sent, delivered, *arguments):
        done = command("sim", "verify", "--accepted", self.directory / sent, "--delivered", self.directory / delivered,
                       *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout
