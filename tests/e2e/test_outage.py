"""An outage is not a bad event: nothing is dead-lettered, nothing overtakes."""
from harness.case import HubTest, http_sink
from harness.process import KEY, Child


class Outage(HubTest):
    def outage(self, *modes):
        sink = self.sim_sink("crm")
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "attempts": 2,
                                "sink": http_sink(sink.url, batch="array", body="raw"), "retry": {"base": "10ms"},
                                "breaker": {"probe_every": "200ms"}}})
        load = Child(self.directory, "sim",
                     ["sim", "--to", f"{hub.url}/ingest/genesys", "--key", KEY, "--ledger", "sent.tsv", "--quiet",
                      "--events", self.count(8_000, 40_000), "--rate", self.count(2_000, 4_000)])
        self.addCleanup(lambda: load.running() and load.end(9))
        for mode in modes:
            before = hub.consumer("crm")["delivered"]
            self.until(lambda before=before: hub.consumer("crm")["delivered"] > before, "nothing was delivered")
            sink.control(mode=mode)
            self.until(lambda: hub.consumer("crm")["breaker"] != "closed", lambda: f"{mode}: {hub.consumer('crm')}")
            waiting = hub.consumer("crm")["waiting"]
            self.until(lambda waiting=waiting: hub.consumer("crm")["waiting"] > waiting or not load.running(),
                       "the load did not go on")
            self.assertEqual(hub.get("/readyz").status, 200, "a broken downstream is no reason to refuse senders")
            sink.control(mode="ok")
            self.until(lambda: hub.consumer("crm")["breaker"] == "closed", lambda: hub.consumer("crm"))
        self.assertEqual(load.wait(), 0, load.tail())
        hub.drained("crm")
        consumer = hub.consumer("crm")
        self.assertEqual([consumer[word] for word in ("dead_letters", "parked", "expired")], [0, 0, 0])
        sink.stop()
        self.verify("sent.tsv", "crm.tsv", "--order", "conversation")

    def test_503_for_a_while(self):
        self.outage("503", "503")

    def test_refused_connections_for_a_while(self):
        self.outage("refuse")

    def test_500_for_everything_is_an_outage_too(self):
        self.outage("500")
