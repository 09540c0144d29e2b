"""The S3 sink against a store made from S3's documents."""
import gzip
import json
import re
import signal

from harness.case import HubTest
from harness.ledger import accepted_lines
from harness.object_store import KEY, REGION, SECRET, ObjectStore
from harness.process import command

QUICK = {"retry": {"base": "5ms", "cap": "50ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}
NAME = re.compile(r"prod/year=\d{4}/month=\d\d/day=\d\d/hour=\d\d/\d{16}-\d{16}-[0-9a-f]{32}\.jsonl\.gz")


class S3(HubTest):
    def setUp(self):
        super().setUp()
        self.store = ObjectStore()
        self.addCleanup(self.store.close)

    def hub_with(self, consumer=None, start=True, secret=SECRET, **sink):
        return self.hub({"archive": {"filter": {}, **QUICK, **(consumer or {}), "sink": {"s3": {
            "url": self.store.url, "bucket": "events", "region": REGION, "prefix": "prod", "access_key_id": "${env:S3_KEY}",
            "secret_access_key": "${env:S3_SECRET}", **sink}}}}, start=start, env={"S3_KEY": KEY, "S3_SECRET": secret})

    def lines(self):
        return [json.loads(line) for body, _ in self.store.objects.values()
                for line in gzip.decompress(body).decode().splitlines()]

    def test_objects_are_named_by_the_hour_and_hold_a_line_for_each_event(self):
        hub = self.hub_with({"batch": {"messages": 50, "age": "100ms"}}, storage_class="STANDARD_IA")
        events = [self.make.conversation(note="line\n\u20ac") for _ in range(120)]
        places = self.accepted(hub.post(events), 120)
        hub.drained("archive")
        for (_, key), (_, headers) in self.store.objects.items():
            self.assertRegex(key, NAME)
            self.assertEqual(headers["x-amz-storage-class"], "STANDARD_IA")
            self.assertEqual(headers["content-type"], "application/gzip")
        lines = sorted(self.lines(), key=lambda line: line["_sequence"])
        self.assertEqual([line["_sequence"] for line in lines], places)
        self.assertEqual(len({line["_eventId"] for line in lines}), 120)
        for event, line in zip(events, lines):
            self.assertEqual({name: line[name] for name in event}, event)

    def test_a_lost_answer_stores_nothing_twice(self):
        hub = self.hub_with({"batch": {"messages": 100, "age": "200ms"}, "attempts": 1, "paused": True})
        self.store.answers = ["lost", (500, "InternalError"), "reset", "half", (503, "SlowDown", {"retry-after": "0"}), "lost"]
        self.accepted(hub.post([self.make.conversation() for _ in range(60)]), 60)
        hub.api("POST", "/consumers/archive/resume")
        hub.drained("archive")
        # What a probe of the breaker has stored alone is an object of its own; so other events make the others happen.
        for _ in range(20):
            if not self.store.answers:
                break
            self.accepted(hub.post([self.make.conversation() for _ in range(60)]), 60)
            hub.drained("archive")
        self.assertEqual(self.store.answers, [])
        self.assertEqual(hub.consumer("archive")["dead_letters"], 0)
        sequences = [line["_sequence"] for line in self.lines()]
        self.assertEqual(sorted(sequences), list(range(1, len(sequences) + 1)), "each once")
        self.assertEqual(len(sequences) % 60, 0)

    def test_an_answer_after_ten_seconds_is_waited_for_and_one_after_the_time_out_is_asked_for(self):
        self.store.late = self.count(2, 10)
        self.store.answers = ["late"]
        hub = self.hub_with({"attempts": 1, "batch": {"messages": 100}})
        self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        hub.drained("archive")
        self.assertEqual(hub.consumer("archive")["last_error"], None)
        hub.stop()
        self.store.answers, before = ["late"], len(self.lines())
        hub = self.hub_with({"attempts": 1, "batch": {"messages": 100}}, timeout="500ms", connect_timeout="500ms")
        self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        hub.drained("archive")
        self.assertEqual(hub.consumer("archive")["last_error"]["class"], "timeout")
        sequences = [line["_sequence"] for line in self.lines()]
        self.assertEqual(len(sequences), before + 20)
        self.assertEqual(len(set(sequences)), before + 20, "each once")

    def test_a_hub_that_is_killed_loses_nothing_and_repeats_only_what_was_stored_and_not_settled(self):
        count = self.count(4_000, 20_000)
        hub = self.hub_with({"batch": {"messages": 200}, "concurrency": 2, "paused": True})
        self.sim(hub, "sent.tsv", "--events", count, "--batch", 100)
        # In the worst moment: stored, and not yet answered.
        kills, objects = [3, 7, 12, 16], count // 200
        wanted = iter(kills)
        self.at = next(wanted)

        def stored(number):
            if number == self.at:
                self.at = next(wanted, None)
                hub.child.process.kill()

        self.store.stored = stored
        hub.api("POST", "/consumers/archive/resume")
        for _ in kills:
            self.assertEqual(hub.child.wait(60), -signal.SIGKILL)
            hub.start()  # the resume outlives the kill
        hub.drained("archive", within=120)
        self.assertIsNone(self.at)
        promised = {int(line["sequence"]): line["envelope_id"] for line in accepted_lines(self.directory / "sent.tsv")
                    if line["verdict"] == "accepted"}
        self.assertEqual(len(promised), count)
        lines = self.lines()
        self.assertEqual({line["_sequence"]: line["id"] for line in lines}, promised)
        self.assertEqual(len({line["_eventId"] for line in lines}), count, "which tells a repeat")
        self.assertLessEqual(len(lines) - count, len(kills) * 2 * 200 + len(kills) * objects, "at most concurrency batches a kill")

    def test_whatever_the_store_refuses_is_an_outage_that_spends_nothing_and_ends_by_itself(self):
        hub = self.hub_with({"attempts": 1, "batch": {"messages": 100}})
        place = 0
        for status, code in ((403, "AccessDenied"), (403, "RequestTimeTooSkewed"), (400, "ExpiredToken"), (400, "RequestTimeout"),
                             (404, "NoSuchBucket"), (409, "OperationAborted"), (500, "InternalError"), (503, "SlowDown"),
                             (301, "PermanentRedirect"), (307, "TemporaryRedirect")):
            with self.subTest(code):
                self.store.always = (status, code, {"location": "http://127.0.0.1:1/"} if status == 307 else {})
                place = self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)[-1]
                self.until(lambda: (error := hub.consumer("archive")["last_error"]) and error["class"] == "s3_" + code,
                           lambda: hub.consumer("archive"))
                self.store.always = None
                hub.delivered("archive", place)
        hub.drained("archive")
        self.assertEqual(hub.consumer("archive")["dead_letters"], 0)
        self.assertEqual(sorted(line["_sequence"] for line in self.lines()), list(range(1, place + 1)), "each once")

    def test_an_object_that_is_too_large_is_halved_until_one_event_stands_alone(self):
        hub = self.hub_with({"attempts": 1, "batch": {"messages": 100, "age": "200ms"}, "on_exhausted": "skip", "paused": True,
                             "breaker": {"lanes": 10_000, "window": "200ms", "probe_every": "100ms"}}, compression="none")
        self.store.most = 20_000
        self.accepted(hub.post([self.make.conversation() for _ in range(40)] + [self.make.conversation(note="x" * 30_000)]), 41)
        hub.api("POST", "/consumers/archive/resume")
        self.until(lambda: hub.consumer("archive")["dead_letters"] == 1, lambda: hub.consumer("archive"))
        hub.drained("archive")
        [letter] = hub.api("GET", "/consumers/archive/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["error_class"]), (41, "s3_EntityTooLarge"))
        stored = [json.loads(line)["_sequence"] for body, _ in self.store.objects.values() for line in body.splitlines()]
        self.assertEqual(sorted(stored), list(range(1, 41)))

    def test_a_missing_bucket_and_a_wrong_secret_are_outages(self):
        self.store.buckets.clear()
        hub = self.hub_with({"attempts": 1})
        self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        self.until(lambda: hub.consumer("archive")["breaker"] == "open", lambda: hub.consumer("archive"))
        self.store.buckets.add("events")
        hub.drained("archive")
        self.assertEqual(hub.consumer("archive")["dead_letters"], 0)
        hub.stop()
        wrong = self.hub_with({"attempts": 1}, secret="another-secret")
        self.accepted(wrong.post(self.make.conversation()))
        self.until(lambda: wrong.consumer("archive")["breaker"] == "open", lambda: wrong.consumer("archive"))
        self.assertEqual(wrong.consumer("archive")["dead_letters"], 0)
        self.assertNotIn("another-secret", wrong.api("GET", "/consumers/archive").body.decode())

    def test_check_tries_bucket_and_credentials(self):
        def tried(**options):
            hub = self.hub_with(start=False, **options)
            done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
            return done.returncode, done.stdout + done.stderr

        code, said = tried()
        self.assertEqual(code, 0, said)
        self.assertIn("the bucket is there", said)
        code, said = tried(secret="wrong")
        self.assertNotEqual(code, 0)
        self.assertIn("SignatureDoesNotMatch", said)
        code, said = tried(bucket="others")
        self.assertNotEqual(code, 0)
        self.assertIn("NoSuchBucket", said)
        self.assertEqual(self.store.objects, {})

    def test_a_shadow_shows_its_objects_and_stores_none(self):
        hub = self.hub_with({"shadow": True, "batch": {"messages": 100, "age": "100ms"}})
        self.accepted(hub.post([self.make.conversation() for _ in range(5)]), 5)
        hub.drained("archive")
        text = hub.api("GET", "/consumers/archive/shadow").body.decode()
        self.assertIn("_sequence", text)
        self.assertIn("hour%3D", text)
        self.assertNotIn(KEY + "/", text, "the authorization is masked")
        self.assertEqual(self.store.objects, {})
