"""How old what waits is, what holds it up, and until when it can wait."""
from harness.case import HubTest, http_sink


class Age(HubTest):
    def test_a_blocked_lane_is_named_with_what_waits_behind_it(self):
        sink = self.receiver(lambda one: 400 if b"POISON" in one.body else 200)
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "attempts": 1, "max_wait": "1d",
                                "breaker": {"window": "300ms"}, "sink": http_sink(sink.url, body="raw")}})
        sick, well = self.make.uuid(), self.make.uuid()
        [head] = self.accepted(hub.post(self.make.conversation(sick, note="POISON")))
        for _ in range(4):
            self.accepted(hub.post(self.make.conversation(sick)))
            self.accepted(hub.post(self.make.conversation(well)))
        self.until(lambda: hub.consumer("crm")["parked"] == 1 and hub.consumer("crm")["delivered"] == 4,
                   lambda: hub.consumer("crm"))
        named = lambda: [one for one in hub.consumer("crm")["blockers"] if sick in one["group"] and one["behind"] == 4]
        self.until(named, lambda: hub.consumer("crm"))
        [blocker] = named()
        self.assertEqual((blocker["sequence"], blocker["state"], blocker["error_class"], blocker["next"]),
                         (head, "parked", "http_400", None))
        consumer = hub.consumer("crm")
        self.assertEqual(consumer["blocked_lanes"], 1)
        minute = consumer["recent"]["minute"]
        self.assertEqual(minute["delivered"], 4)
        self.assertLessEqual(minute["p50_millis"], minute["p99_millis"])
        self.assertAlmostEqual(consumer["expires_in_seconds"], 86400 - consumer["oldest_waiting_seconds"], delta=5)

        shown = hub.client("consumers", "crm")
        self.assertIn("lanes that hold up most", shown.stdout, shown)
        self.assertIn(sick, shown.stdout)
        metrics = hub.metrics()
        self.assertGreater(metrics.get("trunkline_consumer_expiry_seconds", consumer="crm"), 86000)
        self.assertGreaterEqual(metrics.get("trunkline_consumer_recent_latency_seconds", consumer="crm", window="1m",
                                            quantile="0.99"), 0)

        # After a restart the lane is still named, though nothing of it is in memory.
        hub.stop()
        hub.start()
        self.until(named, lambda: hub.consumer("crm"))
        sink.change(lambda _: 200)
        hub.client("dlq", "redrive", "crm", "--all")
        hub.drained("crm")
        self.until(lambda: hub.consumer("crm")["blockers"] == [], lambda: hub.consumer("crm"))
        self.assertEqual(hub.consumer("crm")["drain"], {"outlook": "empty", "seconds": None})

    def test_a_pulled_consumer_has_the_same_figures(self):
        hub = self.hub({"wfm": {"filter": {}, "order": "agent"}})
        self.accepted(hub.post(self.make.conversation(self.make.uuid())))
        self.until(lambda: hub.consumer("wfm")["drain"]["outlook"] in ("growing", "stalled"), lambda: hub.consumer("wfm"))
        leases = hub.api("POST", "/consumers/wfm/receive", {"wait_seconds": 20}).json["leases"]
        hub.api("POST", "/consumers/wfm/settle", {"receipts": [lease["receipt"] for lease in leases]})
        self.until(lambda: hub.consumer("wfm")["recent"]["minute"]["delivered"] == 1, lambda: hub.consumer("wfm"))
        self.until(lambda: hub.consumer("wfm")["drain"]["outlook"] == "empty", lambda: hub.consumer("wfm"))
