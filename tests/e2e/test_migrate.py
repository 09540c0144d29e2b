"""What waits in a data directory, carried to another one: looked at, carried, killed midway, taken back."""
import json

from harness.backlog import Backlog
from harness.case import HubTest
from harness.process import KEY, command

ENV = {"TEST_KEY": KEY}


class Migrate(HubTest):
    def begin(self, lanes):
        """A hub that is stopped with something of everything, and the configuration of another directory."""
        self.backlog = Backlog(self, lanes)
        hub = self.hub(self.backlog.consumers())
        self.backlog.fill(hub)
        hub.stop()
        there = self.config(self.backlog.consumers(), data_dir="./there")
        (self.directory / "there.yaml").write_text(json.dumps(there))
        return hub

    def migrate(self, *arguments, env=None):
        return command("migrate", "--from", "trunkline.yaml", "--to", "there.yaml", *arguments, cwd=self.directory,
                       env={**ENV, **(env or {})})

    def serve_there(self, hub):
        hub.write_config((self.directory / "there.yaml").read_text())
        return hub.start()

    def refuses(self, hub, word):
        hub.launch()
        self.assertEqual(hub.child.wait(60), 1, hub.child.tail())
        self.assertIn(word, hub.child.tail())

    def test_a_dry_run_says_what_would_go_and_changes_nothing(self):
        hub = self.begin(lanes=6)
        dry = self.migrate("--dry-run", "--json")
        self.assertEqual(dry.returncode, 0, dry.stdout + dry.stderr)
        report = json.loads(dry.stdout)
        self.assertEqual(self.backlog.reported(report), self.backlog.expected())
        self.assertEqual((report["quarantined"], report["obstacles"]), (3, []))
        self.assertFalse((self.directory / "there").exists())
        self.assertIn("It takes about", self.migrate("--dry-run").stdout)
        asked = self.migrate()
        self.assertEqual(asked.returncode, 2, "nobody can be asked here")
        hub.start()
        self.backlog.check(hub)

    def test_everything_goes_over_and_is_delivered_from_there_in_order(self):
        hub = self.begin(lanes=10)
        done = self.migrate("--yes", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual((report["result"], report["differences"]), ("migrated", []))
        self.refuses(hub, "was migrated to the data directory ./there")
        self.assertEqual(json.loads(self.migrate("--yes", "--json").stdout)["result"], "complete")
        self.serve_there(hub)
        self.backlog.check(hub)

    def test_killed_midway_it_goes_on_and_neither_is_served_meanwhile(self):
        hub = self.begin(lanes=150)  # three batches
        for point in ("taken=kill@1", "placed=kill@1", "covered=kill@1", "taken=kill@2", "covered=kill@1"):
            killed = self.migrate("--yes", env={"TRUNKLINE_FAILPOINTS": f"migrate.{point}"})
            self.assertEqual(killed.returncode, -9, point + killed.stdout + killed.stderr)
        self.refuses(hub, "is not complete")
        done = self.migrate("--yes")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.serve_there(hub)
        self.backlog.check(hub)

    def test_undone_the_first_is_served_and_the_second_is_not(self):
        hub = self.begin(lanes=4)
        self.assertEqual(self.migrate("--yes").returncode, 0)
        back = self.migrate("--undo", "--yes")
        self.assertEqual(back.returncode, 0, back.stdout + back.stderr)
        mine = (self.directory / "trunkline.yaml").read_text()
        hub.write_config((self.directory / "there.yaml").read_text())
        self.refuses(hub, "was undone")
        hub.write_config(mine)
        hub.start()
        self.backlog.check(hub)

    def test_what_cannot_go_is_named_and_left_only_when_that_is_said(self):
        hub = self.begin(lanes=4)
        there = json.loads((self.directory / "there.yaml").read_text())
        del there["consumers"]["plain"]
        there["consumers"]["skips"]["order"] = "agent"
        (self.directory / "there.yaml").write_text(json.dumps(there))
        refused = self.migrate("--yes")
        self.assertEqual(refused.returncode, 1, refused.stdout + refused.stderr)
        self.assertIn("stays behind: plain: the configuration has no consumer of that name (10)", refused.stdout)
        self.assertIn("stays behind: skips: it holds events in the order 'conversation'", refused.stdout)
        self.assertIn("--leave-behind", refused.stderr)
        hub.start()
        hub.stop()
        done = self.migrate("--yes", "--leave-behind", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.backlog.reported(json.loads(done.stdout)), {"crm": self.backlog.expected()["crm"]})

    def test_a_directory_that_a_hub_has_open_is_refused(self):
        hub = self.begin(lanes=2)
        hub.start()
        refused = self.migrate("--yes")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("not migrated", refused.stderr)
