"""Values are planted where Genesys writes personal data, and then looked for in everything that leaves the hub."""
import json

from harness.case import HubTest, http_sink
from harness.plants import Plants
from harness.process import command, request
from harness.sse import SseClient

QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}, "attempts": 1}
TOKEN = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
KINDS = ("hook", "lines", "siem", "archive", "echo", "next", "pull")


class Privacy(HubTest):
    def answer(self, delivery):
        """Takes the records of a collector."""
        return 200, {"content-type": "application/json"}, b'{"text":"Success","code":0}'

    def consumers(self, hook, siem, echo, **more):
        first = {"filter": {}, **more}
        return {
            "hook": {**first, "order": "conversation", "sink": http_sink(hook.url)},
            "lines": {**first, "sink": http_sink(hook.url, batch="ndjson")},
            "siem": {**first, "order": "conversation", "sink": {"splunk_hec": {"url": siem.url.removesuffix("/hook"),
                                                                               "token": TOKEN, "gzip": False}}},
            "archive": {**first, "sink": {"file": {"path": "./archive/events.jsonl"}}},
            # Repeats in its answer what it refuses.
            "echo": {**first, **QUICK, "sink": http_sink(echo.url, batch="array")},
            "next": {**first, "shadow": True, "sink": http_sink(echo.url)},
            "board": {**first, "order": "agent", "sink": {"live": {}}},
            "pull": {**first, "order": "conversation"},
        }

    def run_all(self, **more):
        """Everything that anybody can get of the planted events, by name."""
        plants = Plants(self.make)
        (self.directory / "names.json").write_text(json.dumps({user: plants("Name Table ") for user in plants.users}))
        hook, siem = self.receiver(), self.receiver(self.answer)
        echo = self.receiver(lambda delivery: (400, {}, b"I do not like " + delivery.body))
        root = {key: more.pop(key) for key in ("privacy_options",) if key in more}
        hub = self.hub(self.consumers(hook, siem, echo, **more), names={"file": "./names.json"},
                       log={"level": "debug"}, **({"privacy": root["privacy_options"]} if root else {}))
        board = SseClient(hub.address, "/api/v1/consumers/board/live")
        self.addCleanup(board.close)
        tap = SseClient(hub.address, "/api/v1/tap?body=1")
        self.addCleanup(tap.close)
        tap.wait(lambda client: client.events, "the tap opens")
        sequences = self.accepted(hub.post(plants.events), len(plants.events))
        # Nobody understands this one.
        hub.post(b'{"ani":"' + plants("tel:+1555557").encode() + b'", "half":')
        hub.drained("hook", "lines", "siem", "archive", "next", "board")
        self.until(lambda: hub.consumer("echo")["dead_letters"] == len(sequences), "all of echo's are dead letters")
        tap.wait(lambda client: sum(event == "event" for _, event, _ in client.events) == len(sequences), "the tap has all")

        pulled = []
        while (leases := hub.api("POST", "/consumers/pull/receive", {"max_messages": 50}).json["leases"]):
            pulled.append(json.dumps(leases))
            hub.api("POST", "/consumers/pull/settle", {"receipts": [lease["receipt"] for lease in leases]})
        seen = {
            "webhooks": "".join(str(each.headers) + each.path + each.body.decode() for each in hook.deliveries()),
            "splunk": "".join(str(each.headers) + each.body.decode() for each in siem.deliveries()),
            "the refusing one": "".join(str(each.headers) + each.body.decode() for each in echo.deliveries()),
            "files": "".join(each.read_text() for each in (self.directory / "archive").iterdir()),
            "pulled": "".join(pulled),
            "the board": str(board.events),
            "tap": str(tap.events),
            "log": hub.child.log.read_text(),
            "metrics": hub.get("/metrics").body.decode(),
            "dead letters": hub.api("GET", "/consumers/echo/dead-letters").body.decode(),
            "shown dead letters": "".join(hub.client("dlq", "show", "echo", each).stdout for each in sequences),
            "consumers": hub.api("GET", "/consumers").body.decode() + hub.client("consumers").stdout +
            "".join(hub.api("GET", f"/consumers/{name}").body.decode() for name in KINDS),
            "why": "".join(hub.client("why", each).stdout + hub.client("why", each, "--json").stdout for each in sequences),
            "events": "".join(hub.api("GET", f"/events/{each}").body.decode() for each in sequences),
            "shadow": hub.api("GET", "/consumers/next/shadow").body.decode() + hub.client("shadow", "next").stdout,
            "backtest": hub.api("POST", "/filters/matches", {"policy": {}, "samples": 20, "against": "hook"}).body.decode(),
            "explain": "".join(hub.api("POST", "/explain", {"sequence": each}).body.decode() for each in sequences),
            "quarantine": hub.api("GET", "/quarantine").body.decode() + hub.client("quarantine", "show", 1).stdout,
            "alarms": hub.api("GET", "/alarms").body.decode(),
            "operations": hub.api("GET", "/operations").body.decode() + hub.api("GET", "/audit").body.decode(),
        }
        for name in ("webhooks", "splunk", "files", "pulled", "tap", "dead letters", "shown dead letters", "why", "events",
                     "shadow", "backtest"):
            self.assertGreater(len(seen[name]), 200, f"{name} shows something")
        return hub, plants, seen, sequences

    def test_one_word_keeps_every_planted_value_out_of_everything(self):
        hub, plants, seen, _ = self.run_all(privacy="protect")
        self.assertEqual({name: found for name, haystack in seen.items() if (found := plants.found_in(haystack))}, {})
        for fact in ("conversationId", "AWAY", "propertyChanges", "trunkline-mapping"):
            self.assertIn(fact, seen["webhooks"], "what is not personal is delivered")
        self.assertIn("I do not like", seen["dead letters"], "what the downstream says is kept, but for the values")

    def test_without_it_they_are_found_so_the_search_finds(self):
        _, plants, seen, _ = self.run_all()
        everywhere = plants.values
        for name in ("webhooks", "splunk", "files", "tap"):
            missed = set(everywhere) - set(plants.found_in(seen[name]))
            self.assertLess(len(missed), 4, f"{name}: {missed}")
        for name in ("pulled", "shown dead letters", "events", "shadow", "backtest", "quarantine", "why", "dead letters",
                     "consumers", "the board"):
            self.assertNotEqual(plants.found_in(seen[name]), [], name)

    def test_views_are_protected_where_consumers_are_not(self):
        _, plants, seen, _ = self.run_all(privacy="none", privacy_options={"views": "protect"})
        for name in ("webhooks", "splunk", "files", "pulled"):
            self.assertNotEqual(plants.found_in(seen[name]), [], f"{name} is what the consumer is to have")
        for name in ("tap", "log", "metrics", "dead letters", "shown dead letters", "consumers", "why", "events", "shadow",
                     "backtest", "explain", "quarantine", "alarms", "operations"):
            self.assertEqual(plants.found_in(seen[name]), [], name)

    def test_who_may_see_an_event_as_it_came_is_written_down(self):
        sink = self.receiver(lambda _: 400)
        hub = self.hub({"crm": {"filter": {}, "privacy": "protect", **QUICK, "sink": http_sink(sink.url)}},
                       api={"keys": [{"key": "${env:ONE}", "name": "officer"}, {"key": "${env:TWO}", "name": "clerk"}]},
                       privacy={"raw_by": "officer"}, env={"ONE": "key-of-the-officer", "TWO": "key-of-the-clerk"})
        [sequence] = self.accepted(hub.post(self.make.conversation(ani="tel:+15555550100")))
        ask = lambda key, path: request(hub.address, "GET", "/api/v1" + path, None, {"x-api-key": f"key-of-the-{key}"})
        self.until(lambda: ask("clerk", "/consumers/crm").json["dead_letters"] == 1, "it is a dead letter")
        for path in (f"/consumers/crm/dead-letters/{sequence}", f"/events/{sequence}"):
            for who in ("officer", "clerk"):
                self.assertNotIn(b"+15555550100", ask(who, path).body)
                self.assertIn(b"0100", ask(who, path).body)
            self.assertEqual(ask("clerk", path + "?raw=1").status, 403)
            self.assertIn(b"+15555550100", ask("officer", path + "?raw=1").body)
        shown = command("dlq", "show", "crm", sequence, "--raw", "--url", hub.url, "--key", "key-of-the-officer")
        self.assertIn("+15555550100", shown.stdout, shown.stderr)
        entries = ask("clerk", "/audit").json["audit"]
        self.assertEqual([(each["by"], each["action"]) for each in entries], [("officer", "view.raw")] * 3)
        self.assertIn(f"/events/{sequence}", str(entries))

    def test_rules_say_what_leaves_and_a_reload_changes_them(self):
        sink = self.receiver()
        crm = lambda *rules: {"crm": {"filter": {}, "mapping": list(rules), "sink": http_sink(sink.url, body="raw")}}
        hub = self.hub(crm({"topic": "*.customer.start", "mask": "ani", "drop": ["provider", "$.detail.metadata"]},
                           {"rename": {"ani": "caller"}, "constant": {"origin": "genesys"}}))
        event = self.make.conversation(kind="customer.start", ani="tel:+15555550100", provider="Edge")
        self.accepted(hub.post(event))
        hub.drained("crm")
        body = {**event["detail"]["eventBody"], "caller": "************0100", "origin": "genesys"}
        del body["ani"], body["provider"]
        detail = {**event["detail"], "eventBody": body}
        del detail["metadata"]
        self.assertEqual(sink.events(), [{**event, "detail": detail}])
        first = sink.deliveries()[0].headers["trunkline-mapping"]
        hub.write_config(self.config(crm({"select": "conversationId"})))
        answer = hub.client("reload")
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.accepted(hub.post(self.make.conversation("c-2", ani="tel:+15555550100")))
        hub.drained("crm")
        self.assertEqual(sink.events()[1]["detail"]["eventBody"], {"conversationId": "c-2"})
        self.assertNotEqual(sink.deliveries()[1].headers["trunkline-mapping"], first)
        hub.write_config(self.config(crm({"select": "a..b"})))
        answer = hub.client("reload")
        self.assertNotEqual(answer.returncode, 0)
        self.assertIn("empty part", answer.stdout + answer.stderr)

    def test_an_event_that_cannot_be_mapped_does_not_leave(self):
        sink = self.receiver()
        hub = self.hub({"crm": {"filter": {}, "privacy": "protect", **QUICK, "sink": http_sink(sink.url, batch="array")},
                        "pull": {"filter": {}, "privacy": "protect", "order": "conversation", "on_exhausted": "skip"}})
        deep = {}
        for _ in range(300):
            deep = {"a": deep, "ani": "tel:+15555550100"}
        call = self.make.uuid()
        events = [self.make.conversation(call), self.make.conversation(call, kind="customer.start", deep=deep),
                  self.make.conversation(call, kind="wrapup")]
        first, bad, last = self.accepted(hub.post(events), 3)
        hub.drained("crm")
        self.assertEqual(sorted(sink.sequences()), [first, last])
        self.assertNotIn(b"+15555550100", b"".join(each.body for each in sink.deliveries()))
        [letter] = hub.api("GET", "/consumers/crm/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["error_class"]), (bad, "mapping"))
        self.assertIn("cannot be mapped", letter["error_detail"])
        taken = []
        for _ in range(10):
            for lease in hub.api("POST", "/consumers/pull/receive", {"max_messages": 10}).json["leases"]:
                taken += [message["sequence"] for message in lease["messages"]]
                hub.api("POST", "/consumers/pull/settle", {"receipts": [lease["receipt"]]})
        self.assertEqual(taken, [first, last])
        [letter] = hub.api("GET", "/consumers/pull/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["error_class"]), (bad, "mapping"))

    def test_a_value_is_the_same_token_in_every_consumer_and_after_a_restart(self):
        sinks = self.receiver(), self.receiver()
        hub = self.hub({name: {"filter": {}, "mapping": {"tokenise": ["ani", "addressFrom"]}, "sink": http_sink(sink.url)}
                        for name, sink in zip(("one", "two"), sinks)})
        seen = set()
        for _ in range(2):
            self.accepted(hub.post(self.make.conversation(ani="jane@example.com", addressFrom="jane@example.com")))
            for name, sink in zip(("one", "two"), sinks):
                hub.drained(name)
                seen |= {body[member] for body in (sink.events()[-1]["detail"]["eventBody"],)
                         for member in ("ani", "addressFrom")}
            hub.stop()
            hub.start()
        self.assertEqual(len(seen), 1, seen)
        self.assertTrue(seen.pop().startswith("tok_"))

    def test_what_leaves_is_shown_before_anything_does(self):
        (self.directory / "t.yaml").write_text(json.dumps(self.config({
            "siem": {"filter": {}, "privacy": "protect", "mapping": [{"keep": "dnis"}, {"topic": "v2.users.*", "drop": "source"}],
                     "sink": {"file": {"path": "./out.jsonl"}}},
            "audits": {"filter": {}, "privacy": "none", "mapping": "ocsf-audit", "sink": {"file": {"path": "./o.jsonl"}}},
            "all": {"filter": {}, "sink": {"file": {"path": "./all.jsonl"}}}}, sources={"genesys": {"kind": "eventbridge"}})))
        show = lambda *more: command("privacy", "show", "-c", "t.yaml", *more, cwd=self.directory)
        shown = show("--consumer", "siem").stdout
        for line in ("personal data is concealed", "every topic, unknown ones too", "mask (privacy: phone): $.**.ani",
                     "keep (mapping rule 1): dnis", "v2.users.{id}.presence", "drop (mapping rule 2): source", "agent: "):
            self.assertIn(line, shown)
        self.assertNotIn("v2.quality", show("--consumer", "siem", "--topic", "agent").stdout)
        told = json.loads(show("--consumer", "siem", "--json").stdout)
        self.assertIn({"path": "$.**.transcripts", "what": "drop", "by": "privacy: text"}, told["every_topic"])
        self.assertTrue(told["protected"])
        everything = show("--consumer", "all")
        self.assertIn("everything leaves", everything.stdout)
        self.assertIn("personal data leaves to 'all'", everything.stderr)
        self.assertNotIn("'audits'", everything.stderr, "it says that all is meant to leave")
        self.assertEqual(show("--consumer", "none").returncode, 2)

        event = self.make.conversation(kind="customer.start", ani="tel:+15555550100", dnis="tel:+15555550199")
        (self.directory / "e.json").write_text(json.dumps(event))
        pair = json.loads(show("--consumer", "siem", "--event", "e.json", "--json").stdout)
        self.assertEqual(pair["before"], event)
        body = {**event["detail"]["eventBody"], "ani": "************0100"}
        self.assertEqual(pair["after"], {**event, "detail": {**event["detail"], "eventBody": body}})
        audit = self.make.envelope("v2.audits.entitytype.Role.entityid.r1", "v2.audits.entitytype.{id}.entityid.{id}",
                                   {"id": "a1", "action": "Update", "entityType": "Role", "entity": {"id": "r1", "name": "Boss"}})
        (self.directory / "a.json").write_text(json.dumps(audit))
        made = json.loads(show("--consumer", "audits", "--event", "a.json", "--json").stdout)["after"]
        self.assertEqual((made["class_uid"], made["type_uid"], made["entity"]["name"]), (3004, 300403, "Boss"))
        fields = json.loads(command("privacy", "fields", "--json").stdout)
        self.assertIn({"topic": "*", "path": "$.**.ani", "kind": "phone", "action": "mask"}, fields)

        (self.directory / "t.yaml").write_text("consumers:\n  siem:\n    mapping:\n      - {drop: a..b}\n")
        wrong = show("--consumer", "siem")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("t.yaml:4:9: error: mapping of consumer 'siem': drop: the path 'a..b' has an empty part", wrong.stderr)

    def test_why_says_by_which_mapping_an_event_was_delivered_over_a_restart(self):
        sink = self.receiver()
        crm = lambda path: {"crm": {"filter": {}, "mapping": {"drop": path}, "sink": http_sink(sink.url)}}
        hub = self.hub(crm("one"))
        said = []
        for path in ("one", "two"):
            if path != "one":
                hub.write_config(self.config(crm(path)))
                self.assertEqual(hub.client("reload").returncode, 0)
            [sequence] = self.accepted(hub.post(self.make.conversation()))
            hub.drained("crm")
            said.append((sequence, sink.deliveries()[-1].headers["trunkline-mapping"]))
        hub.stop()
        hub.start()
        self.assertNotEqual(said[0][1], said[1][1])
        for (sequence, version), path in zip(said, ("one", "two")):
            [event] = hub.api("GET", f"/why/{sequence}").json["events"]
            self.assertEqual(event["consumers"][0]["mapping"], version)
            self.assertIn(f"by mapping {version}", hub.client("why", sequence).stdout)
            self.assertIn(f'{{"drop":"{path}"}}', hub.api("GET", f"/mappings/{version}").json["text"])
        self.assertEqual(hub.consumer("crm")["mapping"], said[1][1])
        self.assertEqual(hub.api("GET", "/mappings/000000000000").status, 404)

    def test_a_board_forgets_what_it_was_told_before_it_was_protected(self):
        board = lambda **more: {"board": {"filter": {}, "order": "agent", "sink": {"live": {}}, **more}}
        hub = self.hub(board())
        user = self.make.uuid()
        self.accepted(hub.post(self.make.envelope(
            f"v2.users.{user}.conversations.calls", "v2.users.{id}.conversations.calls",
            {"id": self.make.uuid(), "participants": [{"id": self.make.uuid(), "name": "Agent Smith", "purpose": "agent",
                                                       "user": {"id": user}, "state": "connected"}]})))
        hub.drained("board")
        live = lambda: SseClient(hub.address, "/api/v1/consumers/board/live").wait(lambda each: each.events, "a snapshot")
        shown = live()
        self.assertIn("Agent Smith", str(shown.events), "else this test cannot fail")
        shown.close()
        hub.write_config(self.config(board(privacy="protect")))
        refused = hub.client("reload")
        self.assertIn("need a restart", refused.stdout + refused.stderr)
        hub.stop()
        hub.start()
        shown = live()
        self.assertNotIn("Agent Smith", str(shown.events))
        shown.close()
