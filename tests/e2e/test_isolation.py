"""A downstream that hangs changes nothing for the others; when it comes back it gets everything in order."""
from harness.case import HubTest, http_sink


class Isolation(HubTest):
    def test_one_hangs_for_a_whole_run(self):
        sinks = {"one": self.sim_sink("one"), "two": self.sim_sink("two"),
                 "hung": self.sim_sink("hung", "--accept-and-hang")}
        hub = self.hub({name: {"filter": {}, "order": "conversation",
                               "sink": http_sink(sink.url, batch="array", body="raw", timeout="5s"),
                               "breaker": {"probe_every": "200ms"}}
                        for name, sink in sinks.items()})
        events = self.count(5_000, 50_000)
        self.sim(hub, "sent.tsv", "--events", events)
        for name in ("one", "two"):
            hub.drained(name)
        hung = hub.consumer("hung")
        self.assertEqual((hung["delivered"], hung["waiting"] + hung["in_flight"] + hung["backing_off"]), (0, events))
        self.assertGreater(sinks["hung"].numbers()["requests"], 0)
        self.assertEqual(hub.get("/readyz").status, 200)

        sinks["hung"].control(mode="ok")
        hub.drained("hung", within=120)
        self.assertEqual([hub.consumer("hung")[word] for word in ("dead_letters", "parked", "expired")], [0, 0, 0])
        for name, sink in sinks.items():
            sink.stop()
            self.verify("sent.tsv", f"{name}.tsv", "--order", "conversation")

    def test_a_consumer_that_cannot_be_reached_at_all_costs_the_others_nothing(self):
        good = self.receiver()
        gone = self.receiver()
        gone.close()
        hub = self.hub({"good": {"filter": {}, "sink": http_sink(good.url)},
                        "gone": {"filter": {}, "sink": http_sink(gone.url)}})
        self.accepted(hub.post([self.make.conversation() for _ in range(200)]), 200)
        self.until(lambda: len(good.events()) == 200, lambda: f"{len(good.events())} of 200 delivered")
        self.until(lambda: hub.consumer("gone")["last_error"], "no error was told")
        self.assertEqual(hub.consumer("gone")["last_error"]["class"], "connect")
        hub.drained("good")
        gone = hub.consumer("gone")
        self.assertEqual(gone["waiting"] + gone["in_flight"] + gone["backing_off"], 200)
