"""Events that are fetched from an SQS queue."""
import collections
import json

from harness.case import HubTest, http_sink
from harness.process import command, free_address
from harness.queue_server import QueueServer

ENV = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "a-secret-access-key-of-the-tests",
       "AWS_EC2_METADATA_DISABLED": "true"}


class SqsSource(HubTest):
    def setUp(self):
        super().setUp()
        self.queue = QueueServer()
        self.addCleanup(self.queue.close)

    def source(self, **options):
        return {"queue": {"kind": "sqs", "sqs": {"queue_url": self.queue.queue_url, "region": "eu-west-1",
                                                 "allow_loopback": True, "visibility_timeout": "10s", **options}}}

    def fetching(self, consumers=None, env=None, start=True, **options):
        env = ENV if env is None else env
        return self.hub(consumers or {"all": {"filter": {}}}, sources=self.source(**options), start=start,
                        env={"HOME": str(self.directory), **env})

    def empty(self, hub):
        self.until(lambda: self.queue.left() == 0, lambda: f"{self.queue.left()} left\n{hub.child.tail()}")

    def test_every_form_is_taken_and_what_is_none_is_quarantined(self):
        bare, raw, sns, lambda_in, lambda_out = (self.make.conversation() for _ in range(5))
        self.queue.put(
            raw,
            [bare],
            {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": json.dumps(sns)},
            {"version": "1.0", "requestContext": {}, "requestPayload": lambda_in, "responsePayload": {"ok": True}},
            {"version": "1.0", "requestContext": {}, "requestPayload": {"key": 1}, "responsePayload": lambda_out},
            "no event at all")
        hub = self.fetching()
        self.empty(hub)
        metrics = hub.metrics()
        self.assertEqual(metrics.get("trunkline_events_accepted_total"), 5)
        self.assertEqual(metrics.get("trunkline_source_events_total", source="queue"), 6)
        [kept] = hub.api("GET", "/quarantine").json["entries"]
        self.assertEqual((kept["source"], kept["reason"]), ("queue", "not_json"))
        self.assertEqual(self.queue.keys, {"AKIDTEST"})
        self.assertEqual(hub.post(raw, source="queue", key=None).status, 503, "a queue's source takes nothing over HTTP")

    def test_kills_lose_nothing_and_repeat_nothing(self):
        made = [self.make.conversation() for _ in range(self.count(300, 3000))]
        receiver = self.receiver()
        hub = self.fetching({"out": {"filter": {}, "sink": http_sink(receiver.url)}}, receivers=8)
        for round_number in range(3):
            self.queue.put(*made[round_number::3])
            share = self.queue.left() // 2
            self.until(lambda: self.queue.left() <= share, lambda: hub.child.tail())
            hub.kill()
            hub.start()
        self.empty(hub)
        hub.drained("out")
        # A delivery may come twice over a kill, by its sequence; an event has one sequence.
        sequence_of = collections.defaultdict(set)
        for delivery in receiver.taken():
            for sequence, event in zip(delivery.sequences, delivery.events()):
                sequence_of[event["id"]].add(sequence)
        self.assertEqual(set(sequence_of), {event["id"] for event in made})
        self.assertTrue(all(len(found) == 1 for found in sequence_of.values()), "an event was stored twice")

    def test_another_hubs_fifo_queue_is_taken_in_order(self):
        address = free_address()
        first = self.hub({"crm": {"filter": {}, "order": "conversation"}},
                         sqs={"listen": address, "region": "eu-west-1",
                              "keys": {"id": ENV["AWS_ACCESS_KEY_ID"], "secret": "${env:SQS_SECRET}"}},
                         env={"SQS_SECRET": ENV["AWS_SECRET_ACCESS_KEY"]})
        conversations = [self.make.uuid() for _ in range(7)]
        made = [self.make.conversation(conversations[number % 7], number=number) for number in range(210)]
        self.accepted(first.post(made), len(made))
        second = self.directory / "second"
        second.mkdir()
        outer, self.directory = self.directory, second
        receiver = self.receiver()
        hub = self.fetching({"out": {"filter": {}, "order": "conversation", "sink": http_sink(receiver.url)}},
                            queue_url=f"http://{address}/000000000000/crm.fifo")
        self.directory = outer
        self.until(lambda: first.consumer("crm")["waiting"] + first.consumer("crm")["in_flight"] == 0,
                   lambda: f"{first.consumer('crm')}\n{hub.child.tail()}")
        hub.drained("out")
        numbers = collections.defaultdict(list)
        for event in receiver.events():
            body = event["detail"]["eventBody"]
            numbers[body["conversationId"]].append(body["number"])
        self.assertEqual(sum(map(len, numbers.values())), len(made))
        for found in numbers.values():
            self.assertEqual(found, sorted(found))

    def test_an_error_is_one_line_and_its_end_another(self):
        self.queue.fault = (403, "AccessDeniedException")
        hub = self.fetching()
        self.until(lambda: "AccessDeniedException" in hub.child.tail(), lambda: hub.child.tail())
        self.queue.put(self.make.conversation())
        self.queue.fault = None
        self.empty(hub)
        self.until(lambda: "works again" in hub.child.tail(), lambda: hub.child.tail())
        self.assertEqual(hub.child.tail().count("in trouble"), 1)

    def test_a_reload_changes_the_queue(self):
        other = QueueServer()
        self.addCleanup(other.close)
        hub = self.fetching()
        self.queue.put(self.make.conversation())
        self.empty(hub)
        hub.write_config(self.config({"all": {"filter": {}}}, sources=self.source(queue_url=other.queue_url)))
        done = hub.client("reload")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        other.put(self.make.conversation())
        self.until(lambda: other.left() == 0, lambda: hub.child.tail())
        self.assertEqual(hub.metrics().get("trunkline_events_accepted_total"), 2)

    def test_credentials_come_from_instance_metadata_by_a_session_token(self):
        roles = "/latest/meta-data/iam/security-credentials/"
        self.queue.documents = {"/latest/api/token": "imds-token", roles: "hub-role", roles + "hub-role": json.dumps(
            {"Code": "Success", "AccessKeyId": "ASIAIMDS", "SecretAccessKey": "s", "Token": "t",
             "Expiration": "2099-01-01T00:00:00Z"})}
        hub = self.fetching(env={"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.queue.url})
        self.queue.put(self.make.conversation())
        self.empty(hub)
        self.assertEqual(self.queue.keys, {"ASIAIMDS"})
        self.assertEqual([(method, path) for method, path, _ in self.queue.asked],
                         [("PUT", "/latest/api/token"), ("GET", roles), ("GET", roles + "hub-role")])
        self.assertEqual(self.queue.asked[2][2]["x-aws-ec2-metadata-token"], "imds-token")

    def test_credentials_come_from_a_profile_and_from_a_container(self):
        (self.directory / "aws").write_text("[prod]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
        hub = self.fetching(env={"AWS_PROFILE": "prod", "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "aws")})
        self.queue.put(self.make.conversation())
        self.empty(hub)
        hub.stop()
        (self.directory / "token").write_text("of the file\n")
        self.queue.documents = {"/container": json.dumps({"AccessKeyId": "ASIATASK", "SecretAccessKey": "s", "Token": "t",
                                                          "Expiration": "2099-01-01T00:00:00Z"})}
        hub.env = {"HOME": str(self.directory), "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.queue.url}/container",
                   "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self.directory / "token")}
        hub.start()
        self.queue.put(self.make.conversation())
        self.empty(hub)
        self.assertEqual(self.queue.keys, {"AKIDFILE", "ASIATASK"})
        self.assertEqual(self.queue.asked[0][2]["authorization"], "of the file")

    def test_check_asks_the_queue_and_warns_of_what_loses_events(self):
        self.queue.attributes = {"VisibilityTimeout": "30", "MessageRetentionPeriod": "3600"}
        hub = self.fetching(start=False)
        env = {**hub.env, "PATH": "/usr/bin:/bin"}
        done = command("check", "--try", "-c", "trunkline.yaml", cwd=self.directory, env=env)
        self.assertIn("no dead-letter queue", done.stdout + done.stderr)
        self.assertIn("messages are kept for 1h only", done.stdout + done.stderr)
        self.queue.fault = (400, "QueueDoesNotExist")
        done = command("check", "--try", "-c", "trunkline.yaml", cwd=self.directory, env=env)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("QueueDoesNotExist", done.stdout + done.stderr)
