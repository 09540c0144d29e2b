"""The machine dies and the hub is set up again from a backup that was made while it ran."""
import json
import shutil

from harness.case import HubTest, http_sink
from harness.process import KEY, Child, command


class Backup(HubTest):
    def test_a_backup_under_load_restored_and_sent_again_is_complete_and_in_order(self):
        sink = self.sim_sink("crm")
        hub = self.hub({"crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation",
                                "sink": http_sink(sink.url, batch="array", body="raw"), "paused": True}})
        events = self.count(6_000, 30_000)
        load = Child(self.directory, "sim",
                     ["sim", "--to", f"{hub.url}/ingest/genesys", "--key", KEY, "--ledger", "lost.tsv", "--quiet", "--seed", "5",
                      "--events", events, "--rate", events // 3])
        self.addCleanup(lambda: load.running() and load.end(9))
        self.until(lambda: hub.metrics().get("trunkline_events_accepted_total") > events // 4, "nothing was accepted")
        made = hub.client("backup", self.directory / "backup", "--json")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(load.wait(), 0, load.tail())
        accepted = hub.metrics().get("trunkline_events_accepted_total")
        hub.kill()
        shutil.rmtree(self.directory / "data")

        restored = command("restore", self.directory / "backup", "--to", self.directory / "data", "--json")
        self.assertEqual(restored.returncode, 0, restored.stderr)
        report = json.loads(restored.stdout)
        self.assertLessEqual(report["end"], json.loads(made.stdout)["end"])
        self.assertLess(report["end"], accepted, "the backup was made before the end of the load")
        self.assertGreater(report["continue_after"], accepted)

        hub.start()
        # The same bytes once more: what the backup holds is a duplicate, the rest is taken in.
        self.sim(hub, "again.tsv", "--seed", "5", "--events", events)
        again = hub.metrics()
        self.assertEqual(again.get("trunkline_events_duplicate_total"), report["end"])
        self.assertEqual(again.get("trunkline_events_accepted_total"), accepted - report["end"])
        self.assertEqual(hub.client("resume", "crm").returncode, 0)
        hub.drained("crm")
        sink.stop()
        self.verify("again.tsv", "crm.tsv", "--order", "conversation", "--category", "conversation")

    def test_errors_say_the_way_out(self):
        hub = self.hub({})
        (self.directory / "used").mkdir()
        (self.directory / "used" / "file").write_text("keep")
        refused = hub.client("backup", self.directory / "used")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is there already", refused.stderr)
        relative = hub.client("backup", "backup")
        self.assertEqual(relative.returncode, 1)
        self.assertIn("not an absolute path", relative.stderr)
        self.assertEqual(hub.client("backup", self.directory / "good").returncode, 0)
        over = command("restore", self.directory / "good", "--to", self.directory / "data")
        self.assertEqual(over.returncode, 1)
        self.assertIn("is not empty", over.stderr)
        nothing = command("restore", self.directory / "used", "--to", self.directory / "new")
        self.assertEqual(nothing.returncode, 1)
        self.assertIn("no complete backup", nothing.stderr)
