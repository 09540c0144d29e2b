"""A running hub takes a new configuration: all of it or nothing, and nothing in flight is lost or reordered."""
import json
import signal
import threading

from harness.case import SOURCE, HubTest, http_sink
from harness.process import KEY, Child, command
from harness.sse import SseClient, fold


class Reload(HubTest):
    def reload(self, hub, *arguments, code=0):
        done = hub.client("reload", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr + hub.child.tail())
        return done

    def policy_version(self, hub, sequence):
        return hub.api("GET", f"/events/{sequence}").json["policy_version"]

    def test_changes_are_said_in_words_and_hold_from_then_on(self):
        first, second = self.receiver(), self.receiver()
        hub = self.hub({"crm": {"filter": {}, "sink": http_sink(first.url, headers={"x-token": "${env:TOKEN}"})}},
                       env={"TOKEN": "secret-one", "NEW_TOKEN": "secret-two"})
        [before] = self.accepted(hub.post(self.make.presence()))
        hub.drained("crm")
        hub.write_config(self.config({"crm": {
            "filter": {"eventCategory": ["conversation"]}, "concurrency": 3,
            "sink": http_sink(second.url, headers={"x-token": "${env:NEW_TOKEN}"})}}))
        dry = self.reload(hub, "--dry-run")
        done = self.reload(hub)
        expected = [
            'consumers.crm.filter: {} -> {"eventCategory":["conversation"]}',
            "consumers.crm.concurrency: 16 -> 3",
            f"consumers.crm.sink.http.url: {first.url} -> {second.url}",
            "consumers.crm.sink.http.headers: changed"]
        self.assertEqual(dry.stdout.splitlines()[:-1], expected)
        self.assertEqual(done.stdout.splitlines(), expected + ["in effect"])
        self.assertNotIn("secret-", done.stdout + done.stderr + hub.child.tail())
        self.accepted(hub.post(self.make.presence()))
        [after] = self.accepted(hub.post(self.make.conversation()))
        self.until(lambda: second.deliveries(), "not delivered to the new address")
        hub.drained("crm")
        self.assertEqual([first.sequences(), second.sequences()], [[before], [after]])
        self.assertEqual(second.deliveries()[0].headers["x-token"], "secret-two")
        self.assertEqual(self.policy_version(hub, after), self.policy_version(hub, before) + 1)
        shown = hub.consumer("crm")
        self.assertEqual([shown["target"], shown["delivery"]["concurrency"], shown["statistics"]["delivered"]],
                         [second.url, 3, 2])
        self.assertEqual(self.reload(hub).stdout.strip(), "nothing has changed")

    def test_names_and_codes_that_have_changed_are_read_again(self):
        names, codes = self.directory / "names.json", self.directory / "codes.csv"
        names.write_text('{"user-1": "Ada"}')
        codes.write_text("presence,code\nAVAILABLE,READY\n")
        receiver, wfm = self.receiver(), self.receiver()
        hub = self.hub({"crm": {"sink": http_sink(receiver.url)},
                        "wfm": {"order": "agent", "sink": {"adherence": {
                            "codes": str(codes), "url": wfm.url, "allow_loopback": True, "snapshot_every": "0s",
                            "state": '"{{event.code}}"', "body": "{{meta.states | raw}}"}}},
                        "board": {"order": "agent", "sink": {"live": {}}}}, names={"file": str(names)})

        def told(user, name, code):
            before = len(receiver.events()), len(wfm.deliveries())
            self.accepted(hub.post(self.make.presence(user)))
            self.until(lambda: len(receiver.events()) > before[0] and len(wfm.deliveries()) > before[1], "not delivered")
            self.assertEqual([receiver.events()[-1].get("_userName"), json.loads(wfm.deliveries()[-1].body)], [name, [code]])

        watcher = SseClient(hub.address, "/api/v1/consumers/board/live")
        self.addCleanup(watcher.close)

        def shown():
            return {each: agent["name"] for each, agent in fold(list(watcher.events))["agents"].items()}

        told("user-1", "Ada", "READY")
        self.assertEqual(self.reload(hub).stdout.strip(), "nothing has changed")
        names.write_text('{"user-1": "Ada Lovelace", "user-2": "Bob"}')
        codes.write_text("presence,code\nAVAILABLE,FREE\n")
        dry = self.reload(hub, "--dry-run").stdout
        done = self.reload(hub).stdout.splitlines()
        for line in ("names: 2 names", "consumers.wfm: the file of codes has changed"):
            self.assertIn(line, done)
            self.assertIn(line, dry)
        told("user-1", "Ada Lovelace", "FREE")
        told("user-2", "Bob", "FREE")
        self.until(lambda: shown() == {"user-1": "Ada Lovelace", "user-2": "Bob"}, lambda: f"the board has {shown()}")
        names.write_text("{")
        codes.write_text("presence\n")
        refused = self.reload(hub, code=1).stderr
        self.assertIn("names: ", refused)
        names.write_text('{"user-1": "Ada Lovelace", "user-2": "Bob"}')
        self.assertIn("'code' is not among them", self.reload(hub, code=1).stderr)
        told("user-3", None, "FREE")

    def test_what_is_wrong_or_needs_a_restart_refuses_everything(self):
        hub = self.hub({"crm": {"filter": {}, "sink": http_sink(self.receiver().url)}})
        broken = self.config({"crm": {"filter": {"a": []}, "concurency": 3}}, log={"level": "loud"})
        hub.write_config(broken)
        done = self.reload(hub, code=1)
        for word in ("concurency", "loud", "nothing was changed"):
            self.assertIn(word, done.stderr)
        hub.write_config(self.config({"crm": {"filter": {}, "order": "conversation", "concurrency": 5,
                                              "sink": http_sink(self.receiver().url)}},
                                     limits={"connections": 500}))
        answer = hub.api("POST", "/reload", {})
        self.assertEqual(answer.status, 409)
        problems = " ".join(answer.json["problems"])
        for path in ("consumers.crm.order", "limits.connections"):
            self.assertIn(f"{path} needs a restart", problems)
        self.assertFalse(answer.json["applied"])
        self.assertEqual(hub.consumer("crm")["delivery"]["concurrency"], 16)

    def test_consumers_and_sources_come_and_go(self):
        hub = self.hub({"old": {"filter": {}, "sink": http_sink(self.receiver().url)}})
        self.accepted(hub.post(self.make.conversation()))
        hub.drained("old")
        new = self.receiver()
        hub.write_config(self.config(
            {"new": {"filter": {}, "sink": http_sink(new.url)}, "pulled": {"filter": {}}},
            sources={"genesys": {"kind": "eventbridge", "auth": {"api_key": ["${env:KEY_2}"]}}, "second": SOURCE}))
        refused = self.reload(hub, code=1)
        self.assertIn("KEY_2", refused.stderr)
        (self.directory / "key").write_text("another-key\n")
        config = json.loads((self.directory / "trunkline.yaml").read_text())
        config["sources"]["genesys"]["auth"]["api_key"] = ["${file:key}"]
        hub.write_config(config)
        done = self.reload(hub)
        self.assertEqual(sorted(done.stdout.splitlines()), sorted([
            "consumers.new: added", "consumers.pulled: added", "consumers.old: removed", "sources.second: added",
            "sources.genesys.auth.api_key: changed", "in effect"]))
        self.assertEqual(hub.post(self.make.conversation()).status, 401, "the old key is not taken any more")
        [sequence] = self.accepted(hub.post(self.make.conversation(), key="another-key"))
        [third] = self.accepted(hub.post(self.make.conversation(), source="second"))
        hub.drained("new")
        self.assertEqual(new.sequences(), [sequence, third])
        self.assertEqual(hub.api("GET", "/consumers/old").status, 404)
        names = [consumer["name"] for consumer in hub.api("GET", "/consumers").json["consumers"]]
        self.assertEqual(names, ["new", "pulled"])
        self.assertEqual(hub.consumer("pulled")["waiting"], 2)
        self.assertEqual(hub.stop(), 0)
        hub.start()
        self.assertEqual(hub.consumer("pulled")["waiting"], 2, "nothing of it depends on the process")

    def test_what_waits_for_a_removed_consumer_goes_only_when_asked(self):
        hub = self.hub({"crm": {"filter": {}}, "other": {"filter": {}}})
        self.accepted(hub.post([self.make.conversation() for _ in range(7)]), 7)
        only_other = self.config({"other": {"filter": {}}})
        hub.write_config(only_other)
        refused = self.reload(hub, code=1)
        self.assertIn("consumers.crm: 7 events wait for it", refused.stderr)
        self.assertIn("--drop crm", refused.stderr)
        self.assertIn("no consumer of that name is being removed", self.reload(hub, "--drop", "crn", code=1).stderr)
        self.assertEqual(hub.consumer("crm")["waiting"], 7)
        hub.stop()
        start = command("serve", "-c", "trunkline.yaml", cwd=self.directory, env=hub.env, timeout=60)
        self.assertEqual(start.returncode, 1, start.stderr)
        self.assertIn("7 events wait in the queue of 'crm'", start.stderr)
        wrong = command("serve", "-c", "trunkline.yaml", "--drop", "other", cwd=self.directory, env=hub.env, timeout=60)
        self.assertEqual(wrong.returncode, 1, wrong.stderr)
        hub.write_config(self.config({"crm": {"filter": {}}, "other": {"filter": {}}}))
        hub.start()
        hub.write_config(only_other)
        self.assertIn("consumers.crm: removed", self.reload(hub, "--drop", "crm").stdout)
        self.assertEqual(hub.consumer("other")["waiting"], 7)
        hub.write_config(self.config({"crm": {"filter": {}}, "other": {"filter": {}}}))
        self.reload(hub)
        self.assertEqual(hub.consumer("crm")["waiting"], 0, "a consumer of an old name begins anew")

    def test_a_hub_starts_without_a_consumer_whose_events_are_dropped(self):
        hub = self.hub({"crm": {"filter": {}}, "other": {"filter": {}}})
        self.accepted(hub.post(self.make.conversation()))
        hub.stop()
        hub.write_config(self.config({"other": {"filter": {}}}))
        child = Child(self.directory, "hub", ["serve", "-c", "trunkline.yaml", "--drop", "crm", "--ready-file", "again"],
                      hub.env)
        self.addCleanup(lambda: child.running() and child.end(9))
        self.until(lambda: (self.directory / "again").exists() or not child.running(), "not ready")
        self.assertEqual(child.end(), 0, child.tail())

    def test_sighup_reloads_and_the_log_has_the_answer(self):
        hub = self.hub({"crm": {"filter": {}, "sink": http_sink(self.receiver().url)}})
        hub.write_config(self.config({"crm": {"filter": {}, "rate": 7, "sink": http_sink(self.receiver().url)}}))
        hub.child.process.send_signal(signal.SIGHUP)
        self.until(lambda: hub.consumer("crm")["delivery"]["rate"] == 7, "not in effect")
        self.assertIn("consumers.crm.rate: 0 -> 7", hub.child.tail())
        hub.write_config("consumers: [")
        hub.child.process.send_signal(signal.SIGHUP)
        self.until(lambda: "the reload is refused" in hub.child.tail(), "no answer in the log")
        self.assertEqual(hub.get("/readyz").status, 200)
        self.assertEqual(hub.stop(), 0)

    def test_a_batch_in_flight_is_awaited_and_its_lane_is_not_overtaken(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def slow(_):
            release.wait(60)
            return 200
        old, new = self.receiver(slow), self.receiver()
        hub = self.hub({"crm": {"filter": {}, "order": "conversation", "sink": http_sink(old.url)}})
        conversation = self.make.uuid()
        [first] = self.accepted(hub.post(self.make.conversation(conversation)))
        self.until(old.deliveries, "not sent")
        hub.write_config(self.config({"crm": {"filter": {}, "order": "conversation", "sink": http_sink(new.url)}}))
        self.reload(hub)
        [second] = self.accepted(hub.post(self.make.conversation(conversation)))
        self.assertEqual(new.deliveries(), [])
        release.set()
        hub.drained("crm")
        self.assertEqual([old.sequences(), new.sequences()], [[first], [second]])

    def test_reloaded_ten_times_a_second_under_load(self):
        sink = self.sim_sink("crm")
        files = {"filter": {}, "sink": {"file": {"path": "out/siem.jsonl"}}}

        def config(number):
            # Filters that differ and let the same events pass; addresses that differ and lead to the same place.
            extra = {"eventType": [{"prefix": "v2."}, f"none-{number}"]} if number % 2 else {}
            return self.config({
                "crm": {"filter": {"eventCategory": ["conversation"], **extra}, "order": "conversation",
                        "concurrency": 1 + number % 7, "batch": {"messages": 1 + number % 30},
                        "sink": http_sink(f"{sink.url}?{number % 3}", batch="array", body="raw")},
                "siem": {**files, "concurrency": 1 + number % 3},
                **({"passing": {"filter": {"eventCategory": ["never"]}}} if number % 4 == 3 else {})})
        hub = self.hub(config(0)["consumers"])
        load = Child(self.directory, "sim",
                     ["sim", "--to", f"{hub.url}/ingest/genesys", "--key", KEY, "--ledger", "sent.tsv", "--quiet",
                      "--events", self.count(10_000, 60_000), "--duplicates", "0.02", "--reordered", "0.01",
                      "--rate", self.count(2_000, 4_000)])
        self.addCleanup(lambda: load.running() and load.end(9))
        number = 0
        while load.running():
            number += 1
            hub.write_config(config(number))
            answer = hub.api("POST", "/reload", {})
            self.assertEqual(answer.status, 200, answer)
            self.assertTrue(answer.json["applied"], answer)
            threading.Event().wait(0.1)
        self.assertEqual(load.wait(), 0, load.tail())
        self.assertGreater(number, 10)
        hub.drained("crm", "siem")
        sink.stop()
        self.assertEqual(hub.stop(), 0)
        self.verify("sent.tsv", "crm.tsv", "--order", "conversation", "--category", "conversation")
        [file] = (self.directory / "out").glob("siem*.jsonl")
        self.verify("sent.tsv", file, "--order", "none")
