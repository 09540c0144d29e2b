"""An outage is not a bad event: nothing is dead-lettered, nothing overtakes."""
from harness.case import HubTest, http_sink
from harness.process import KEY, Child


class Outage(HubTest):
    def outage(self, *modes):
        sinks = {name: self.sim_sink(name) for name in ("crm", "board")}
        hub = self.hub({name: {"filter": {}, "order": "conversation", "attempts": 2,
                               "sink": http_sink(sink.url, batch="array", body="raw", timeout="500ms"),
                               "retry": {"base": "10ms"}, "breaker": {"probe_every": "200ms"}}
                        for name, sink in sinks.items()})
        load = Child(self.directory, "sim",
                     ["sim", "--to", f"{hub.url}/ingest/genesys", "--key", KEY, "--ledger", "sent.tsv", "--quiet",
                      "--events", self.count(8_000, 40_000), "--rate", self.count(2_000, 4_000)])
        self.addCleanup(lambda: load.running() and load.end(9))
        for mode in modes:
            before = hub.consumer("crm")["delivered"]
            self.until(lambda before=before: hub.consumer("crm")["delivered"] > before, "nothing was delivered")
            sinks["crm"].control(mode=mode)
            self.until(lambda: hub.consumer("crm")["breaker"] != "closed", lambda: f"{mode}: {hub.consumer('crm')}")
            waiting = hub.consumer("crm")["waiting"]
            self.until(lambda waiting=waiting: hub.consumer("crm")["waiting"] > waiting or not load.running(),
                       "the load did not go on")
            self.until(lambda: self.waits(hub, "board") < self.waits(hub, "crm"), "the board waits with the CRM")
            self.assertEqual(hub.get("/readyz").status, 200, "a broken downstream is no reason to refuse senders")
            sinks["crm"].control(mode="ok")
            self.until(lambda: hub.consumer("crm")["breaker"] == "closed", lambda: hub.consumer("crm"))
        self.assertEqual(load.wait(), 0, load.tail())
        hub.drained("crm")
        hub.drained("board")
        consumer = hub.consumer("crm")
        self.assertEqual([consumer[word] for word in ("dead_letters", "parked", "expired")], [0, 0, 0])
        counts = consumer["statistics"]
        self.assertEqual(counts["attempts_spent"], counts["attempts_given_back"])
        for name, sink in sinks.items():
            sink.stop()
            self.verify("sent.tsv", f"{name}.tsv", "--order", "conversation")

    @staticmethod
    def waits(hub, name):
        consumer = hub.consumer(name)
        return consumer["waiting"] + consumer["backing_off"]

    def test_503_for_a_while(self):
        self.outage("503", "503")

    def test_refused_connections_for_a_while(self):
        self.outage("refuse")

    def test_a_connection_that_is_taken_and_never_answered(self):
        self.outage("hang")

    def test_401_for_a_while(self):
        self.outage("401")

    def test_500_for_everything_is_an_outage_too(self):
        self.outage("500")
