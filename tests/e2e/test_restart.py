"""The hub is stopped and killed under load: nothing that was promised is lost, no lane is reordered."""
import threading

from harness.case import HubTest, http_sink
from harness.process import KEY, Child, command


class Restart(HubTest):
    def under_load(self, interrupt, *allowed):
        sink = self.sim_sink("crm")
        hub = self.hub({
            "crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation",
                    "sink": http_sink(sink.url, batch="array", body="raw")},
            "siem": {"filter": {}, "sink": {"file": {"path": "out/siem.jsonl"}}},
        })
        load = Child(self.directory, "sim",
                     ["sim", "--to", f"{hub.url}/ingest/genesys", "--key", KEY, "--ledger", "sent.tsv", "--quiet",
                      "--events", self.count(10_000, 60_000), "--duplicates", "0.02", "--republished", "0.01",
                      "--reordered", "0.01", "--malformed", "0.001", "--rate", self.count(3_000, 6_000)])
        self.addCleanup(lambda: load.running() and load.end(9))
        times = 0
        for _ in range(self.count(2, 5)):
            before = hub.metrics().get("trunkline_events_accepted_total")
            self.until(lambda before=before: not load.running()
                       or hub.metrics().get("trunkline_events_accepted_total") > before + 200, "nothing was accepted")
            if not load.running():
                break
            interrupt(hub)
            times += 1
            hub.start()
        self.assertGreaterEqual(times, 1)
        self.assertEqual(load.wait(), 0, load.tail())
        hub.drained("crm", "siem")
        sink.stop()
        self.assertEqual(hub.stop(), 0)
        self.verify("sent.tsv", "crm.tsv", "--order", "conversation", "--category", "conversation", *allowed)
        [file] = (self.directory / "out").glob("siem*.jsonl")
        self.verify("sent.tsv", file, "--order", "none", *allowed)

    def test_terminated_under_load(self):
        # A stop finishes what is in flight, so nothing is sent twice.
        self.under_load(lambda hub: self.assertEqual(hub.stop(), 0, hub.child.tail()))

    def test_killed_under_load(self):
        # What was in flight at the kill is sent again, and may still be under way at the receiver.
        self.under_load(lambda hub: hub.kill(), "--repeats-allowed", "--overlap-allowed")

    def test_a_stop_finishes_what_is_in_flight_and_refuses_the_rest(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def answer(_):
            release.wait(60)
            return 200

        sink = self.receiver(answer)
        hub = self.hub({"crm": {"filter": {}, "sink": http_sink(sink.url)}})
        self.assertEqual(hub.get("/readyz").status, 200)
        self.accepted(hub.post(self.make.conversation()))
        self.until(sink.deliveries, "not sent")
        hub.child.process.terminate()
        self.until(lambda: hub.get("/readyz").status == 503, "still ready while stopping")
        self.assertEqual(hub.get("/healthz").status, 200)
        refused = hub.post(self.make.conversation())
        self.assertEqual(refused.status, 503, refused)
        release.set()
        self.assertEqual(hub.child.wait(60), 0, hub.child.tail())
        hub.start()
        self.assertEqual(hub.consumer("crm")["waiting"], 0, "the verdict was kept")
        self.assertEqual(len(sink.deliveries()), 1)

    def test_a_hub_that_is_killed_before_any_delivery_delivers_all_in_order(self):
        sink = self.receiver()
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "paused": True,
                                "sink": http_sink(sink.url, batch="array", body="raw")}})
        conversation = self.make.uuid()
        events = [self.make.conversation(conversation) for _ in range(500)]
        for at in range(0, 500, 50):
            self.accepted(hub.post(events[at:at + 50]), 50)
        hub.kill()
        hub.start()
        self.assertEqual(hub.post(events[:50]).verdicts(), ["duplicate"] * 50, "identities survive the kill")
        self.assertEqual(hub.consumer("crm")["waiting"], 500)
        hub.api("POST", "/consumers/crm/resume")
        hub.drained("crm")
        self.assertEqual(sink.events(), events)

    def test_two_hubs_do_not_share_a_data_directory(self):
        hub = self.hub({"all": {"filter": {}}})
        second = command("serve", "-c", "trunkline.yaml", cwd=self.directory, env=hub.env, timeout=60)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("data", second.stderr)
        self.accepted(hub.post(self.make.conversation()))
