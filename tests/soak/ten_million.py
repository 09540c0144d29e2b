#!/usr/bin/env python3
"""Millions of events wait behind paused consumers while the hub is killed again and again; then all is drained, and the
ledgers are compared. Run by scripts/soak --ten-million; no test, since it takes half an hour and 30 GB.

Usage: ten_million.py EVENTS SEED, with the program in TRUNKLINE and room in TMPDIR
"""
import os
import sys
import time
import unittest

from harness import settings
from harness.case import HubTest, http_sink
from harness.process import KEY, Child, command

EVENTS, SEED = 10_000_000, 1
KILLS = 3
LONG = 6 * 3600  # seconds; a bound, nothing is expected of the time


class TenMillion(HubTest):
    def say(self, text):
        print(f"{time.monotonic() - self.began:6.0f} s  {text}", flush=True)

    def fill(self, hub):
        load = Child(self.directory, "sim",
                     ["sim", "--to", f"{hub.url}/ingest/genesys", "--key", KEY, "--ledger", "sent.tsv", "--quiet", "--events",
                      EVENTS, "--seed", SEED, "--batch", 100, "--connections", 16, "--duplicates", "0.01", "--republished",
                      "0.01", "--reordered", "0.01", "--malformed", "0.0001"])
        self.addCleanup(lambda: load.running() and load.end(9))
        for _ in range(KILLS):
            self.until(lambda: not load.running()
                       or hub.metrics().get("trunkline_events_accepted_total") > EVENTS // (KILLS + 2), "nothing is accepted", LONG)
            self.kill_and_start(hub)
        self.assertEqual(load.wait(LONG), 0, load.tail())

    def kill_and_start(self, hub):
        hub.kill()
        began = time.monotonic()
        hub.start()
        self.say(f"killed, ready after {time.monotonic() - began:.2f} s, {hub.consumer('crm')['waiting']:,} wait for crm")

    def drain(self, hub, name, kills=0):
        waiting = hub.consumer(name)["waiting"]
        self.assertGreater(waiting, 0, name)
        hub.api("POST", f"/consumers/{name}/resume")
        began = time.monotonic()
        for kill in range(kills):
            left = waiting * (kills - kill) // (kills + 1)
            self.until(lambda left=left: hub.consumer(name)["waiting"] < left, "nothing is delivered", LONG)
            self.kill_and_start(hub)
        hub.drained(name, within=LONG)
        self.say(f"{name}: {waiting:,} drained in {time.monotonic() - began:.0f} s")

    def compare(self, name, *arguments):
        done = command("sim", "verify", "--accepted", self.directory / "sent.tsv", "--delivered", self.directory / f"{name}.tsv",
                       *arguments, timeout=LONG)
        print(f"{name}:\n{done.stdout}", flush=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_nothing_is_lost_repeated_or_out_of_order(self):
        self.began = time.monotonic()
        sinks = {name: self.sim_sink(name) for name in ("crm", "wfm", "siem")}
        sink = {name: http_sink(sinks[name].url, batch="array", body="raw") for name in sinks}
        hub = self.hub({
            "crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation", "paused": True, "sink": sink["crm"]},
            "wfm": {"filter": {"eventCategory": ["wfm"]}, "order": "agent", "paused": True, "sink": sink["wfm"]},
            "siem": {"filter": {}, "paused": True, "sink": sink["siem"]},
        }, store={"disk_budget": "1TiB"})
        self.fill(hub)
        self.say("all is sent")
        self.kill_and_start(hub)
        self.drain(hub, "wfm")
        self.drain(hub, "crm")
        self.drain(hub, "siem", kills=KILLS)
        for each in sinks.values():
            each.stop()
        self.assertEqual(hub.stop(), 0)
        # Nothing was under way to these when the hub was killed, so nothing may come twice.
        self.compare("wfm", "--order", "agent", "--category", "wfm")
        self.compare("crm", "--order", "conversation", "--category", "conversation")
        self.compare("siem", "--order", "none", "--repeats-allowed", "--overlap-allowed")


if __name__ == "__main__":
    EVENTS, SEED = int(sys.argv[1]), int(sys.argv[2])
    settings.BINARY = os.environ.get("TRUNKLINE", settings.BINARY)
    unittest.main(argv=sys.argv[:1])
