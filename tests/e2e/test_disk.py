"""A full disk or budget refuses senders, says so, and recovers by itself when there is room."""
import contextlib
import os
import random
import subprocess
import time

from harness.case import HubTest, http_sink

MIB = 1 << 20


class Disk(HubTest):
    def setUp(self):
        super().setUp()
        self.noise = random.Random(5)
        self.sink = self.receiver()

    def big(self, size=512 << 10):
        """An event that does not compress."""
        return self.make.conversation(note=self.noise.randbytes(size // 2).hex())

    def fill(self, hub, tries=2000):
        """Posts until the hub refuses; the ids of what it took."""
        taken = []
        for _ in range(tries):
            event = self.big()
            answer = hub.post(event)
            if answer.status == 503:
                self.assertEqual(hub.get("/healthz").status, 200)
                return taken, event
            self.accepted(answer)
            taken.append(event["id"])
        self.fail(f"{tries} events were taken and the disk is not full")

    def recovered(self, hub, refused):
        self.until(lambda: hub.get("/readyz").status == 200, lambda: f"not ready again: {hub.get('/readyz')}")
        answer = hub.post(refused)
        self.assertEqual(answer.status, 200, answer)
        # A refused event may have been written after all; its retry is a duplicate then.
        self.assertIn(answer.verdicts(), (["accepted"], ["duplicate"]))

    def test_a_full_file_system(self):
        data = self.directory / "data"
        data.mkdir()
        # The hub wants 256 MiB of its device free, so that RocksDB can compact.
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(data)], capture_output=True,
                                 timeout=20)
        if mounted.returncode != 0:
            self.skipTest(f"no tmpfs can be mounted here: {mounted.stderr.decode(errors='replace').strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(data)], check=False, timeout=20)
        hub = self.hub({"crm": {"filter": {}, "paused": True, "concurrency": 2, "sink": http_sink(self.sink.url)}},
                       store={"memory_budget": "16MiB"}, data_dir="./data/hub")
        taken = []
        for _ in range(20):
            event = self.big()
            self.accepted(hub.post(event))
            taken.append(event["id"])
        # At once, so that the next write meets a disk that is full before the hub has looked.
        ballast = data / "ballast"
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(MIB))
        more, refused = self.fill(hub)
        taken += more
        self.until(lambda: hub.get("/readyz").status == 503, "ready although the disk is full")
        self.assertIn("disk", hub.get("/readyz").json["reason"])
        self.assertEqual(hub.metrics().get("trunkline_ready"), 0)

        ballast.unlink()
        self.recovered(hub, refused)
        self.assertTrue(hub.child.running(), "without a restart")
        hub.api("POST", "/consumers/crm/resume")
        hub.drained("crm")
        self.assertLessEqual(set(taken) | {refused["id"]}, {event["id"] for event in self.sink.events()})

    def test_a_full_budget_refuses_until_events_are_settled(self):
        hub = self.hub({"crm": {"filter": {}, "paused": True, "on_full": "refuse", "concurrency": 2,
                                "sink": http_sink(self.sink.url)}},
                       store={"disk_budget": "64MiB", "memory_budget": "16MiB"})
        taken, refused = self.fill(hub)
        self.until(lambda: hub.get("/readyz").status == 503, "ready although the budget is full")
        used = hub.metrics().get("trunkline_store_disk_bytes")
        self.assertLess(used, 256 * MIB, "the budget bounds what is taken")
        hub.api("POST", "/consumers/crm/resume")
        hub.drained("crm")
        self.recovered(hub, refused)
        hub.drained("crm")
        self.assertEqual(hub.consumer("crm")["expired"], 0)
        self.assertLessEqual(set(taken) | {refused["id"]}, {event["id"] for event in self.sink.events()})

    def test_with_expire_the_oldest_go_and_senders_are_served(self):
        hub = self.hub({"crm": {"filter": {}, "paused": True, "on_full": "expire", "sink": http_sink(self.sink.url)}},
                       store={"disk_budget": "64MiB", "memory_budget": "16MiB"})
        sent = []

        def went_on():
            # While the guard makes room a sender may be told to come again.
            event = self.big()
            if hub.post(event).status == 200:
                sent.append(event["id"])
            return hub.consumer("crm")["expired"] > 0 and len(sent) > 200

        self.until(went_on, lambda: f"{len(sent)} sent, {hub.consumer('crm')}", within=120)
        hub.api("POST", "/consumers/crm/resume")
        hub.drained("crm")
        delivered = [event["id"] for event in self.sink.events()]
        expired = hub.consumer("crm")["expired"]
        self.assertEqual(len(set(delivered)) + expired, len(sent), "every event was delivered or counted as expired")
        self.assertEqual(set(delivered), set(sent[-len(delivered):]), "the oldest went")

    def test_a_parked_event_keeps_its_body_when_all_around_it_is_deleted(self):
        lifted = []
        self.sink.change(lambda one: 400 if b"POISON" in one.body and not lifted else 200)
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "sink": http_sink(self.sink.url, body="raw"),
                                "retry": {"base": "5ms", "cap": "10ms"}, "breaker": {"window": "200ms"}}},
                       store={"disk_budget": "64MiB", "memory_budget": "16MiB"})
        bad = self.make.conversation(note="POISON")
        [sequence] = self.accepted(hub.post(bad))
        self.until(lambda: hub.consumer("crm")["parked"] == 1, lambda: hub.consumer("crm"))
        sent = 0
        deadline = time.monotonic() + 100
        while sent < 600:
            self.assertLess(time.monotonic(), deadline, f"only {sent} events were taken")
            sent += hub.post(self.big()).status == 200
        hub.drained("crm")
        lifted.append(True)
        self.assertEqual(hub.api("POST", "/consumers/crm/redrive", {"sequence": sequence}).json, {"redriven": 1})
        self.until(lambda: bad in self.sink.events(), lambda: f"{hub.consumer('crm')}\n{hub.child.tail()}", within=20)

    def test_a_full_quarantine_refuses_only_what_would_go_there(self):
        hub = self.hub({"crm": {"filter": {}}}, store={"quarantine_budget": "1MiB"})

        def refused():
            return hub.post(b"{" + os.urandom(100_000).hex().encode()).status == 503

        self.until(refused, "the quarantine takes more than its budget")
        self.accepted(hub.post(self.make.conversation()))
        self.assertEqual(hub.get("/readyz").status, 200)
