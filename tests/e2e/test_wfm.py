"""The states of agents for workforce management: files of intervals, and real-time adherence over HTTP."""
import csv
import datetime
import json
import random
import time
import unittest

from harness.case import HubTest
from harness.events import time_text
from harness.process import command

CODES = """# presence, routing, reason -> code
presence,routing,reason,code
BUSY,*,lunch-1,"LUNCH, long"
BUSY,*,*,BUSY
ON_QUEUE,INTERACTING,*,TALK
ON_QUEUE,*,*,READY
OFFLINE,*,*,OUT
"""
INTERVAL = 2000  # milliseconds


def code_of(presence, routing, reason):
    if presence == "BUSY":
        return "LUNCH, long" if reason == "lunch-1" else "BUSY"
    if presence == "ON_QUEUE":
        return "TALK" if routing == "INTERACTING" else "READY"
    return "OUT" if presence == "OFFLINE" else "UNKNOWN"


def millis(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Agents(HubTest):
    def setUp(self):
        super().setUp()
        (self.directory / "codes.csv").write_text(CODES)

    def presence(self, agent, at, state, reason="none"):
        return self.make.presence(agent, eventTime=at, modifiedDate=time_text(at),
                                  presenceDefinition={"id": reason, "systemPresence": state})

    def routing(self, agent, at, status):
        return self.make.envelope(f"v2.users.{agent}.routingStatus", "v2.users.{id}.routingStatus",
                                  {"id": agent, "eventTime": at,
                                   "routingStatus": {"userId": agent, "status": status, "startTime": time_text(at)}})


class IntervalFiles(Agents):
    def consumer(self, **more):
        return {"filter": {"eventCategory": ["agent"]}, "order": "agent",
                "sink": {"adherence_files": {"codes": "codes.csv", "directory": "wfm", "interval": f"{INTERVAL}ms", "grace": "5s",
                                             **more}}}

    def rows(self, kind, directory="wfm"):
        """All rows of that kind in order of the files, read by Python's own readers."""
        found = []
        for path in sorted((self.directory / directory).glob(f"agents-*-{kind}.*")):
            with open(path, newline="") as file:
                if path.suffix == ".csv":
                    found += list(csv.DictReader(file, strict=True))
                else:
                    found += [{name: "" if value is None else value for name, value in json.loads(line).items()} for line in file]
        return found

    def intervals(self, directory="wfm"):
        """When those begin that have files, in their order."""
        names = sorted(path.name for path in (self.directory / directory).glob("agents-*-times.*"))
        return [millis(datetime.datetime.strptime(name.split("-")[1], "%Y%m%dT%H%M%SZ").isoformat() + "Z") for name in names]

    def last_interval(self, directory="wfm"):
        return max(self.intervals(directory), default=0)

    def expected(self, facts, begin, end):
        """(changes, times) of facts (agent, at, kind, value, reason), worked out here and not by the hub."""
        changes, times = [], {}
        for agent in sorted({fact[0] for fact in facts}):
            presence = routing = reason = code = ""
            since = None
            marks = []
            for at in sorted({fact[1] for fact in facts if fact[0] == agent}):
                for _, _, kind, value, why in sorted(f for f in facts if f[0] == agent and f[1] == at):
                    if kind == "presence":
                        presence, reason = value, why
                    else:
                        routing = value
                now = code_of(presence, routing, reason)
                if now != code:
                    changes.append((agent, at, now, code))
                    marks.append((at, now))
                    code = now
            for number, (since, now) in enumerate(marks):
                until = marks[number + 1][0] if number + 1 < len(marks) else end
                for interval in range(begin, end, INTERVAL):
                    spent = min(until, interval + INTERVAL) - max(since, interval)
                    if spent > 0:
                        times[(interval, agent, now)] = times.get((interval, agent, now), 0) + spent
        return changes, times

    def check(self, facts, directory="wfm"):
        self.assertEqual(self.rows("late", directory), [])
        end = self.last_interval(directory) + INTERVAL
        begin = millis(self.rows("times", directory)[0]["begin"])
        changes, times = self.expected([fact for fact in facts if fact[1] < end], begin, end)
        self.assertEqual(sorted((row["agent"], millis(row["at"]), row["code"], row["previous"])
                                for row in self.rows("changes", directory)), sorted(changes))
        found = [((millis(row["begin"]), row["agent"], row["code"]), round(float(row["seconds"]) * 1000))
                 for row in self.rows("times", directory)]
        self.assertEqual(len(found), len(dict(found)), "a row of times came twice")
        self.assertEqual(dict(found), times)

    def test_killed_again_and_again_every_change_is_in_one_file_once_in_both_formats(self):
        hub = self.hub({"csv": self.consumer(), "lines": self.consumer(directory="lines", format="jsonl")})
        for directory in ("wfm", "lines"):  # its first interval is the one of its first look
            self.until((self.directory / directory / ".agents.journal").exists, "no journal")
        random_numbers = random.Random(3)
        facts = []
        last = 0
        for turn in range(self.count(40, 120)):
            at = max(round(time.time() * 1000), last + 1)
            if turn % 10 == 0:  # on the boundary of an interval, which has just begun
                boundary = at // INTERVAL * INTERVAL
                if boundary > last:
                    at = boundary
            last = at
            agent = f"agent-{turn % 3}"
            if turn < 6 or random_numbers.random() < 0.5:
                state = random_numbers.choice(["ON_QUEUE", "BUSY", "OFFLINE"])
                reason = random_numbers.choice(["lunch-1", "none"])
                event = self.presence(agent, at, state, reason)
                facts.append((agent, at, "presence", state, reason))
            else:
                status = random_numbers.choice(["IDLE", "INTERACTING"])
                event = self.routing(agent, at, status)
                facts.append((agent, at, "routing", status, ""))
            self.accepted(hub.post(event))
            if turn % 13 == 12:
                hub.kill()
                hub.start()
            time.sleep(0.05)
        for name in ("csv", "lines"):
            hub.drained(name)
        for directory in ("wfm", "lines"):
            self.until(lambda where=directory: self.last_interval(where) > last, "no interval behind the last event", 40)
        hub.stop()
        self.check(facts)
        self.check(facts, "lines")
        left = sorted(path.name for path in (self.directory / "wfm").iterdir() if path.name.startswith("."))
        self.assertEqual(left, [".agents.journal"])

    def test_what_is_late_is_in_a_file_of_its_own_once(self):
        hub = self.hub({"wfm": self.consumer(grace="0s")})
        first = round(time.time() * 1000)
        self.accepted(hub.post(self.presence("anna", first, "ON_QUEUE")))
        self.until(lambda: self.last_interval() > first, "the interval is closed", 20)
        self.accepted(hub.post(self.presence("anna", first + 1, "BUSY", "lunch-1")))
        hub.drained("wfm")
        hub.kill()
        hub.start()
        self.until(lambda: self.rows("late"), "no late row", 20)
        row, = self.rows("late")
        self.assertEqual((row["agent"], row["code"], millis(row["at"]), millis(row["interval"])),
                         ("anna", "LUNCH, long", first + 1, first // INTERVAL * INTERVAL))
        self.assertEqual(len(self.rows("changes")), 1)

    def test_a_directory_that_cannot_be_made_is_an_outage_that_ends(self):
        (self.directory / "wfm").write_text("a file")
        hub = self.hub({"wfm": {**self.consumer(), "breaker": {"probe_every": "200ms", "probe_cap": "400ms"}}})
        at = round(time.time() * 1000)
        self.accepted(hub.post(self.presence("anna", at, "ON_QUEUE")))
        self.until(lambda: hub.consumer("wfm")["breaker"] != "closed", "the breaker opens")
        (self.directory / "wfm").unlink()
        hub.drained("wfm")
        self.assertEqual(hub.consumer("wfm")["dead_letters"], 0)
        self.until(lambda: self.last_interval() >= at, "its interval", 30)
        self.assertEqual(self.rows("times")[-1]["code"], "READY")
        # What was before the first interval, as it is when the outage goes over an end, is no row.
        self.assertEqual([row["code"] for row in self.rows("changes") + self.rows("late")],
                         ["READY"] if self.intervals()[0] <= at else [])

    def test_the_check_names_what_is_wrong_with_the_codes(self):
        self.hub({"wfm": self.consumer()}, start=False)
        for text, said in (("presence,code\nBUSY\n", "line 2: 1 fields, and the first row has 2"),
                           ("presence,code\nB*,A\nBUSY,B\n", "line 3: an earlier row fits all that this one does"),
                           (None, "codes.csv cannot be read")):
            if text is None:
                (self.directory / "codes.csv").unlink()
            else:
                (self.directory / "codes.csv").write_text(text)
            done = command("check", "-c", "trunkline.yaml", cwd=self.directory, env={"TEST_KEY": "k"})
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn(said, done.stderr)
        (self.directory / "codes.csv").write_text(CODES)
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env={"TEST_KEY": "k"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("can be written", done.stdout)
        self.assertFalse((self.directory / "wfm").exists())


class Adherence(Agents):
    def consumer(self, target, **more):
        return {"filter": {"eventCategory": ["agent"]}, "order": "agent", "retry": {"base": "20ms", "cap": "200ms"},
                "breaker": {"probe_every": "200ms", "probe_cap": "400ms"},
                "sink": {"adherence": {"codes": "codes.csv", "url": target.url, "allow_loopback": True,
                                       "vars": {"authentication_key": "${env:WFM_KEY}", "source_id": "genesys"}, **more}}}

    def test_a_receiver_knows_the_state_of_every_agent_over_kills_and_failures(self):
        board, snapshots, answers = {}, [], random.Random(5)

        def answer(delivery):
            if answers.random() < 0.2:
                return 503
            sent = json.loads(delivery.body)
            if sent["AuthenticationKey"] != "key-123456" or sent["SourceId"] != "genesys":
                return 400
            if sent["IsSnapshot"]:
                snapshots.append(sent["States"])
                board.clear()
            board.update({each["UserCode"]: each["StateCode"] for each in sent["States"]})
            return 200

        target = self.receiver(answer)
        hub = self.hub({"wfm": self.consumer(target)}, env={"WFM_KEY": "key-123456"})
        now, known = round(time.time() * 1000), {}
        for turn in range(60):
            agent = f"agent-{turn % 7}"
            presence = answers.choice(["ON_QUEUE", "BUSY", "OFFLINE", "AWAY"])
            known[agent] = code_of(presence, "", "lunch-1")[:25]
            self.accepted(hub.post(self.presence(agent, now + turn, presence, "lunch-1")))
            if turn % 25 == 24:
                hub.kill()
                hub.start()
        hub.drained("wfm")
        self.until(lambda: board == known, lambda: f"{board} is not {known}")
        hub.kill()
        board.clear()
        snapshots.clear()
        hub.start()
        self.until(lambda: snapshots, "a snapshot at the start")
        self.assertEqual(board, known)
        self.assertEqual(hub.consumer("wfm")["dead_letters"], 0)
        self.assertNotIn("key-123456", hub.child.tail(100000) + str(hub.consumer("wfm")))

    def test_no_snapshot_leaves_while_the_consumer_is_paused(self):
        target, running = self.receiver(), self.receiver()
        hub = self.hub({"wfm": self.consumer(target, snapshot_every="1s"),
                        "running": self.consumer(running, snapshot_every="1s")}, env={"WFM_KEY": "key-123456"})

        def snapshots(of):
            return sum(json.loads(each.body)["IsSnapshot"] for each in of.deliveries())
        self.accepted(hub.post(self.presence("anna", round(time.time() * 1000), "BUSY")))
        self.until(lambda: snapshots(target) and snapshots(running), "a snapshot for each")
        self.assertEqual(hub.api("POST", "/consumers/wfm/pause").status, 200)
        self.until(lambda: hub.consumer("wfm")["paused"], "it is paused")
        # What was under way has come when the other one, with the same interval, has had its next.
        for more in (1, 3):
            count, seen = len(target.deliveries()), snapshots(running)
            self.until(lambda: snapshots(running) >= seen + more, "snapshots of the consumer that is not paused")
        self.assertEqual(len(target.deliveries()), count)

    def test_another_form_is_made_of_templates(self):
        target = self.receiver()
        hub = self.hub({"wfm": self.consumer(
            target, body='{"feed":{{meta.states | raw}},"full":{{meta.snapshot | raw}}}',
            state='{"agent":{{event.agent | json}},"state":{{event.code | json}},"since":"{{event.since | date:"epoch"}}",'
                  '"reason":{{event.reason | json}}}')}, env={"WFM_KEY": "key-123456"})
        at = 1772460000000
        self.accepted(hub.post(self.presence("anna", at, "BUSY", "lunch-1")))
        hub.drained("wfm")
        self.assertEqual(json.loads(target.deliveries()[0].body),
                         {"feed": [{"agent": "anna", "state": "LUNCH, long", "since": "1772460000", "reason": "lunch-1"}],
                          "full": False})


if __name__ == "__main__":
    unittest.main()
