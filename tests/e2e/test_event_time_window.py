"""A consumer with an event-time window: what comes swapped is delivered in the order in which it happened, and that order is kept."""
import json

from harness.case import HubTest, http_sink
from harness.process import command

START = 1772460000000


class EventTimeWindow(HubTest):
    def setUp(self):
        super().setUp()
        self.conversation = self.make.uuid()
        self.names = {}
        self.status = 200
        self.sink = self.receiver(lambda _: self.status)

    def consumers(self, window):
        return {"crm": {"filter": {}, "order": "conversation", "event_time_window": window, "retry": {"base": "50ms", "cap": "50ms"},
                        "breaker": {"probe_every": "100ms", "probe_cap": "100ms"},
                        "sink": http_sink(self.sink.url, body="raw")}}

    def event(self, name, after):
        """That happened so many milliseconds after the conversation's start."""
        made = self.make.conversation(self.conversation, name, eventTime=START + after)
        self.names[made["id"]] = name
        return made

    def swapped(self, hub):
        """The end and the start of a call, the end first, in one commit; their sequences, start first."""
        end, start = self.event("customer.end", 60_000), self.event("customer.start", 0)
        sequences = self.accepted(hub.post([end, start]), 2)
        return sequences[::-1]

    def order(self):
        """Names of what was taken, without repeats."""
        return list(dict.fromkeys(self.names[event["id"]] for event in self.sink.events()))

    def first(self, name):
        return next(one for one in self.sink.taken() if self.names[one.events()[0]["id"]] == name)

    def test_an_end_before_its_start_is_delivered_behind_it_and_what_is_late_is_marked_over_a_kill(self):
        hub = self.hub(self.consumers("2s"))
        sequences = self.swapped(hub)
        self.until(lambda: len(self.order()) == 2, "the call was not delivered")
        self.assertEqual(self.order(), ["customer.start", "customer.end"])
        self.assertEqual([self.first(name).sequences[0] for name in self.order()], sequences)
        self.assertGreater(sequences[0], sequences[1], "they came swapped")
        hub.kill()
        hub.start()
        [late] = self.accepted(hub.post(self.event("interaction", 30_000)))
        self.until(lambda: len(self.order()) == 3, "the late event was not delivered")
        self.assertEqual(self.order(), ["customer.start", "customer.end", "interaction"])
        self.assertEqual(self.first("interaction").headers["trunkline-late"], str(late))
        self.assertNotIn("trunkline-late", self.first("customer.start").headers)
        orders = [int(self.first(name).headers["trunkline-order"]) for name in self.order()]
        self.assertEqual(orders, sorted(set(orders)), "what ascends in the lane")
        self.until(lambda: hub.metrics().get("trunkline_consumer_late_total", consumer="crm") == 1, "it is counted")

    def test_the_order_of_the_first_send_holds_over_a_kill(self):
        self.status = 503
        hub = self.hub(self.consumers("2s"))
        self.swapped(hub)
        self.until(lambda: self.sink.deliveries(), "nothing was sent")
        self.assertEqual(self.names[self.sink.deliveries()[0].events()[0]["id"]], "customer.start")
        hub.kill()
        hub.start()
        self.accepted(hub.post(self.event("before.all", -5_000)))
        self.status = 200
        self.until(lambda: len(self.order()) == 3, "not all were delivered")
        self.assertEqual(self.order(), ["customer.start", "customer.end", "before.all"])
        self.assertIn("trunkline-late", self.first("before.all").headers)

    def test_what_is_in_the_window_at_a_kill_is_in_it_again_and_why_says_so(self):
        hub = self.hub(self.consumers("1h"))
        [end] = self.accepted(hub.post(self.event("customer.end", 60_000)))
        hub.kill()
        hub.start()
        self.accepted(hub.post(self.event("customer.start", 0)))
        self.until(lambda: hub.consumer("crm")["queue"]["event_time_window"]["waiting"] == 2, "both are in the window")
        told = hub.client("why", str(end), "--json")
        self.assertEqual(told.returncode, 0, told.stderr)
        [crm] = json.loads(told.stdout)["events"][0]["consumers"]
        self.assertEqual((crm["state"], crm["lane"]["before"]), ("in_window", 1))
        self.assertIn("waits in its event-time window until", crm["answer"])
        self.assertEqual(self.sink.deliveries(), [])
        # A shorter window, without a restart, is over for both.
        hub.write_config(self.config(self.consumers("100ms")))
        reloaded = hub.client("reload")
        self.assertEqual(reloaded.returncode, 0, reloaded.stdout + reloaded.stderr)
        self.until(lambda: len(self.order()) == 2, "the call was not delivered")
        self.assertEqual(self.order(), ["customer.start", "customer.end"])

    def test_a_window_without_an_order_is_refused_with_its_place(self):
        consumers = self.consumers("2s")
        del consumers["crm"]["order"]
        self.hub(consumers, start=False)
        checked = command("check", "-c", self.directory / "trunkline.yaml", env={"TEST_KEY": "k"})
        self.assertNotEqual(checked.returncode, 0)
        self.assertIn("'event_time_window' sorts lanes, and 'crm' has none: set 'order'", checked.stdout + checked.stderr)
