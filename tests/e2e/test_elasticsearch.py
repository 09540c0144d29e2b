"""The Elasticsearch sink against a fake of _bulk: items that fail in the middle of a batch, outages, half answers, repeats."""
import gzip
import json
import threading

from harness.case import HubTest

QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}
KEY = "aWQ6a2V5LW9mLXRoZS10ZXN0"
JSON = {"content-type": "application/json"}


class Index:
    """_bulk as the servers do it: a document of an _id is created once. `fault(action, document)` may name an item's error."""

    def __init__(self):
        self.lock = threading.Lock()
        self.documents = {}
        self.written = []  # in order, with repeats
        self.conflicts = 0
        self.fault = lambda action, document: None

    def answer(self, delivery):
        if delivery.path == "/":
            return 200, JSON, json.dumps({"cluster_name": "fake", "version": {"number": "8.15.0"}}).encode()
        body = delivery.body
        if delivery.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        lines = body.decode().split("\n")
        assert lines.pop() == "", "the last line is ended, too"
        items = [self.create(json.loads(action)["create"], json.loads(document))
                 for action, document in zip(lines[::2], lines[1::2], strict=True)]
        failed = any(item["status"] >= 300 for item in items)
        return 200, JSON, json.dumps({"took": 1, "errors": failed, "items": [{"create": item} for item in items]}).encode()

    def create(self, action, document):
        with self.lock:
            status, kind = self.fault(action, document) or (201, None)
            key = (action["_index"], action["_id"])
            if kind is None and key in self.documents:
                self.conflicts += 1
                status, kind = 409, "version_conflict_engine_exception"
            if kind is not None:
                return {"status": status, "error": {"type": kind, "reason": f"said of {document['message']}"}}
            self.documents[key] = document
            self.written.append(document)
            return {"status": status}

    def sequences(self):
        with self.lock:
            return [document["trunkline"]["sequence"] for document in self.documents.values()]


class Elasticsearch(HubTest):
    def setUp(self):
        super().setUp()
        self.index = Index()
        self.server = self.receiver(self.index.answer)
        self.url = self.server.url.removesuffix("/hook")

    def hub_with(self, consumer=None, **sink):
        hub = self.hub({"search": {"filter": {}, **QUICK, **(consumer or {}), "sink": {
            "elasticsearch": {"url": self.url, "api_key": "${env:ES_KEY}", **sink}}}}, env={"ES_KEY": KEY})
        self.addCleanup(lambda: self.assertNotIn(KEY, hub.child.tail(1_000_000), "the key is never logged"))
        return hub

    def letters(self, hub):
        return hub.api("GET", "/consumers/search/dead-letters").json["dead_letters"]

    def test_a_document_has_its_time_its_fields_and_the_event(self):
        hub = self.hub_with({"order": "conversation"}, index="logs-genesys.{category}-{month}")
        event = self.make.conversation()
        [sequence] = self.accepted(hub.post(event))
        hub.drained("search")
        [delivery] = self.server.deliveries()
        self.assertEqual(delivery.headers["authorization"], f"ApiKey {KEY}")
        self.assertEqual(delivery.headers["content-type"], "application/x-ndjson")
        [((index, _), document)] = self.index.documents.items()
        body = event["detail"]["eventBody"]
        self.assertEqual(index, f"logs-genesys.conversation-{document['@timestamp'][:7].replace('-', '.')}")
        self.assertEqual(document["event"]["id"], event["id"])
        self.assertEqual(document["event"]["dataset"], "genesys.conversation")
        self.assertEqual(document["event"]["action"], event["detail-type"])
        self.assertEqual(document["genesys"]["conversation_id"], body["conversationId"])
        self.assertEqual(document["message"], event["detail"]["topicName"])
        org = event["source"].split("/")[3]
        self.assertEqual(document["trunkline"], {"sequence": sequence, "consumer": "search",
                                                 "lane": f"conversation/{org}/{body['conversationId']}"})
        original = json.loads(document["event"]["original"])
        self.assertEqual({name: original[name] for name in event}, event)

    def test_items_that_fail_in_the_middle_of_a_batch_are_parked_alone(self):
        def fault(_, document):
            return (400, "mapper_parsing_exception") if "POISON" in document["event"]["original"] else None

        self.index.fault = fault
        hub = self.hub_with({"order": "conversation", "paused": True, "batch": {"messages": 100}})
        events = [self.make.conversation(note="POISON" if place in (7, 31) else "fine") for place in range(60)]
        places = self.accepted(hub.post(events), 60)
        hub.api("POST", "/consumers/search/resume")
        self.until(lambda: hub.consumer("search")["parked"] == 2, lambda: hub.consumer("search"))
        self.until(lambda: len(self.index.documents) == 58, lambda: len(self.index.documents))
        self.assertCountEqual(self.index.sequences(), [place for at, place in enumerate(places) if at not in (7, 31)])
        self.assertEqual({(letter["sequence"], letter["attempts"], letter["error_class"]) for letter in self.letters(hub)},
                         {(places[7], 5, "bulk_400"), (places[31], 5, "bulk_400")})

    def test_a_lane_is_cut_at_the_item_that_must_come_again_and_what_was_written_is_not_written_twice(self):
        refused = set()

        def fault(_, document):
            number = document["trunkline"]["sequence"]
            if number % 7 != 3 or number in refused:
                return None
            refused.add(number)
            return 429, "es_rejected_execution_exception"

        self.index.fault = fault
        hub = self.hub_with({"order": "topic", "paused": True, "batch": {"messages": 50}})
        conversation = self.make.conversation()["detail"]["eventBody"]["conversationId"]
        places = self.accepted(hub.post([self.make.conversation(conversation=conversation) for _ in range(40)]), 40)
        hub.api("POST", "/consumers/search/resume")
        hub.drained("search")
        self.assertCountEqual(self.index.sequences(), places)
        self.assertGreater(len(refused), 3)
        self.assertGreater(self.index.conflicts, 0, "what was written behind a refused one came again")
        self.assertEqual(self.letters(hub), [])

    def test_a_missing_index_is_an_outage_that_spends_nothing(self):
        self.index.fault = lambda *_: (404, "index_not_found_exception")
        hub = self.hub_with()
        places = self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        self.until(lambda: hub.consumer("search")["breaker"] == "open", lambda: hub.consumer("search"))
        self.index.fault = lambda *_: None
        hub.drained("search")
        self.assertCountEqual(self.index.sequences(), places)
        self.assertEqual(self.letters(hub), [])

    def test_an_answer_of_200_in_which_every_item_has_failed_is_an_outage_too(self):
        self.index.fault = lambda *_: (500, "illegal_state_exception")
        hub = self.hub_with({"order": "conversation", "attempts": 2})
        places = self.accepted(hub.post([self.make.conversation() for _ in range(200)]), 200)
        self.until(lambda: hub.consumer("search")["breaker"] == "open", lambda: hub.consumer("search"))
        self.index.fault = lambda *_: None
        hub.drained("search")
        self.assertCountEqual(self.index.sequences(), places)
        shown = hub.consumer("search")
        self.assertEqual((shown["dead_letters"], shown["parked"]), (0, 0))
        self.assertEqual(shown["statistics"]["attempts_spent"], shown["statistics"]["attempts_given_back"])

    def test_answers_that_are_none_and_requests_that_are_too_large(self):
        answers = [lambda one: (200, {"content-type": "text/html"}, b"<html>login</html>"),
                   lambda one: (200, JSON, b'{"took":1,"errors":false,"items":[{"create"'),
                   lambda one: (413,), lambda one: (503,), lambda one: (429, {"retry-after": "0"}),
                   lambda one: (401, JSON, b'{"error":{"type":"security_exception","reason":"' + KEY.encode() + b'"}}')]
        lock = threading.Lock()

        def decide(delivery):
            with lock:
                answer = answers.pop(0) if answers else self.index.answer
            return answer(delivery)

        self.server.change(decide)
        hub = self.hub_with({"paused": True})
        places = self.accepted(hub.post([self.make.conversation() for _ in range(30)]), 30)
        hub.api("POST", "/consumers/search/resume")
        hub.drained("search")
        self.assertCountEqual(self.index.sequences(), places)
        self.assertEqual(self.letters(hub), [])
        self.assertEqual(answers, [], "each fault was met")

    def test_a_server_that_takes_a_batch_and_says_nothing_gets_it_again_and_keeps_one(self):
        def taken_and_silent(delivery):
            self.index.answer(delivery)
            self.silence.wait(10)
            return (200, JSON, b"{}")

        self.silence = threading.Event()
        self.addCleanup(self.silence.set)
        self.server.change(taken_and_silent)
        hub = self.hub_with(timeout="300ms", connect_timeout="300ms")
        places = self.accepted(hub.post([self.make.conversation() for _ in range(10)]), 10)
        self.until(lambda: hub.consumer("search")["breaker"] == "open", lambda: hub.consumer("search"))
        self.server.change(self.index.answer)
        hub.drained("search")
        self.assertCountEqual(self.index.sequences(), places)
        self.assertGreater(self.index.conflicts, 0)

    def test_a_shadow_sends_nothing_and_shows_what_it_would(self):
        hub = self.hub_with({"shadow": True})
        self.accepted(hub.post([self.make.conversation() for _ in range(3)]), 3)
        hub.drained("search")
        self.assertEqual(self.server.deliveries(), [])
        shown = json.dumps(hub.api("GET", "/consumers/search/shadow").json)
        self.assertIn("logs-genesys-default", shown)
        self.assertNotIn(KEY, shown)
