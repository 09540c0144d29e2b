"""A simulated day with every fault of a real one, through the hub to three consumers: pushed, written, pulled."""
import threading
import time

from harness import settings
from harness.case import HubTest, http_sink
from harness.ledger import PullClient, accepted_lines


class MainJob(HubTest):
    def test_everything_promised_arrives_once_and_in_order(self):
        sink = self.sim_sink("crm")
        hub = self.hub({
            "crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation",
                    "sink": http_sink(sink.url, batch="array", body="raw")},
            "siem": {"filter": {}, "sink": {"file": {"path": "out/siem.jsonl"}}},
            "wfm": {"filter": {"eventCategory": ["wfm", "agent"]}, "order": "agent"},
        })
        events = self.count(20_000, 500_000)
        pull = PullClient(hub, "wfm", self.directory / "wfm.jsonl")
        sending = threading.Event()
        sending.set()
        errors = []

        def pull_while_sending():
            try:
                while sending.is_set():
                    pull.take_some()
            except Exception as error:  # told by the test's own thread
                errors.append(error)

        puller = threading.Thread(target=pull_while_sending)
        puller.start()
        began = time.monotonic()
        try:
            self.sim(hub, "sent.tsv", "--events", events, "--connections", 64, "--duplicates", 0.02, "--republished", 0.01,
                     "--reordered", 0.01, "--malformed", 0.001)
            sent = time.monotonic() - began
        finally:
            sending.clear()
            puller.join()
        self.assertEqual(errors, [])
        pull.drain()
        for name in ("crm", "siem"):
            hub.drained(name, within=300)
        took = time.monotonic() - began
        settings.TIMES.append(f"main_job: {events} events sent in {sent:.1f} s, delivered to three after {took:.1f} s")

        sink.stop()
        hub.stop()
        self.verify("sent.tsv", "crm.tsv", "--order", "conversation", "--category", "conversation")
        files = sorted((self.directory / "out").glob("siem*.jsonl"))
        self.assertEqual(len(files), 1)
        self.verify("sent.tsv", files[0], "--order", "none")
        self.verify("sent.tsv", "wfm.jsonl", "--order", "agent", "--category", "wfm", "--category", "agent")
        self.assertGreater(pull.taken, events // 100)
        self.check_quarantine(hub, events)

    def check_quarantine(self, hub, events):
        lines = list(accepted_lines(self.directory / "sent.tsv"))
        self.assertEqual(len(lines), events)
        malformed = {int(line["sequence"]) for line in lines if line["malformed"] == "1"}
        self.assertGreater(len(malformed), 0)
        self.assertGreater(sum(line["verdict"] == "duplicate" for line in lines), events // 100)
        hub.start()
        ids, after = set(), 0
        while after is not None:
            page = hub.api("GET", f"/quarantine?after={after}&limit=1000").json
            ids |= {entry["id"] for entry in page["entries"]}
            after = page["next_after"]
        self.assertEqual(ids, malformed)
