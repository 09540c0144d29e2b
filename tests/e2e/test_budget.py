"""A consumer keeps within its target's requests a day, whatever happens to the process."""
from harness.case import HubTest, http_sink


class Budget(HubTest):
    def consumers(self, sink, **budget):
        return {"crm": {"filter": {}, "order": "conversation", "concurrency": 1, "budget": budget,
                        "retry": {"base": "10ms"}, "sink": http_sink(sink.url)},
                "free": {"filter": {}, "sink": {"file": {"path": "out/free.jsonl"}}}}

    def used_up(self, hub):
        self.until(lambda: hub.consumer("crm")["budget"]["used_up_until"], lambda: hub.consumer("crm"))
        return hub.consumer("crm")

    def test_over_kills_no_request_more_than_it_has_and_nothing_is_lost(self):
        sink = self.receiver()
        hub = self.hub(self.consumers(sink, requests=60, reserve=10), alarms={"budget_percent": 80})
        for _ in range(4):
            before = len(sink.deliveries())
            self.accepted(hub.post([self.make.conversation() for _ in range(8)]), 8)
            self.until(lambda before=before: len(sink.deliveries()) > before, "nothing was sent")
            hub.kill()
            hub.start()
        self.accepted(hub.post([self.make.conversation() for _ in range(100)]), 100)
        consumer = self.used_up(hub)
        requests = len(sink.deliveries())
        self.assertLessEqual(requests, 50)
        self.assertGreaterEqual(requests, 50 - 2 * 4, "a crash counts one claimed, and one may be cut off under way")
        self.assertEqual([consumer["budget"][word] for word in ("requests", "reserve", "used", "left", "window")],
                         [60, 10, 50, 0, "rolling"])
        self.until(lambda: hub.consumer("crm")["in_flight"] == 0, "what waits is not held")
        self.assertEqual([consumer[word] for word in ("dead_letters", "parked", "expired")], [0, 0, 0])
        hub.drained("free")

        # A restart gives nothing back; everything says why it waits.
        hub.kill()
        hub.start()
        self.used_up(hub)
        self.assertEqual(len(sink.deliveries()), requests)
        self.assertIn("budget ", hub.client("consumers").stdout)
        self.assertIn("used up until", hub.client("consumers", "crm").stdout)
        self.assertEqual(hub.metrics().get("trunkline_consumer_budget_used_up", consumer="crm"), 1)
        waits = hub.post(self.make.conversation())
        self.accepted(waits)
        why = hub.client("why", waits.sequences()[0]).stdout
        self.assertIn("budget of requests is used up until", why)
        self.until(lambda: "budget" in hub.client("alarms").stdout, "no alarm")

        hub.write_config(self.config(self.consumers(sink, requests=1000), alarms={"budget_percent": 80}))
        answer = hub.client("reload")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        hub.drained("crm")
        delivered = {each.headers["trunkline-sequence"] for each in sink.deliveries()}
        self.assertEqual(len(delivered), 4 * 8 + 100 + 1)

    def test_requests_that_fail_count_too(self):
        sink = self.receiver(lambda _: 429)
        hub = self.hub(self.consumers(sink, requests=12, window="calendar"))
        self.accepted(hub.post([self.make.conversation() for _ in range(3)]), 3)
        consumer = self.used_up(hub)
        self.assertEqual(len(sink.deliveries()), 12)
        self.assertTrue(consumer["budget"]["used_up_until"].endswith("T00:00:00.000Z"), consumer)
