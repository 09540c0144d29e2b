"""A function's table, zip and downstream for a test, against whatever plays DynamoDB, SNS and SQS."""
import collections
import json
import pathlib
import re
import threading
import unittest
import zipfile

import boto3

from harness import events, settings
from harness.lambda_service import KEYS, REGION, SCHEDULED, Function, MappingApi, Poller, run
from harness.receiver import Receiver
from harness.wait import until


class LambdaCase(unittest.TestCase):
    """`endpoints` has the address of each service: {"dynamodb": "http://127.0.0.1:1", …}. A subclass starts them."""

    endpoints = {}

    @staticmethod
    def client(name, endpoint):
        return boto3.client(name, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"])

    def setUp(self):
        self.sqs, self.dynamodb = (self.client(name, self.endpoints[name]) for name in ("sqs", "dynamodb"))
        self.name = re.sub(r"\W", "-", self._testMethodName)[:20].strip("-")
        self.own = pathlib.Path("lambda", self._testMethodName).resolve()
        self.own.mkdir(parents=True, exist_ok=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.service = MappingApi()
        self.addCleanup(self.service.close)
        self.maker = events.Maker(7)
        self.dynamodb.create_table(
            TableName=self.name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}])
        self.env = {f"AWS_ENDPOINT_URL_{name.upper()}": endpoint for name, endpoint in self.endpoints.items()}
        self.env["AWS_ENDPOINT_URL_LAMBDA"] = self.service.endpoint
        self.zip = self.own / "function.zip"
        self.root = self.own / "root"
        self.unpack()

    def unpack(self):
        config = self.own / "trunkline.yaml"
        config.write_text(json.dumps({
            "engine": "aws", "aws": {"table": self.name, "prefix": self.name},
            "sources": {"genesys": {"kind": "eventbridge", "auth": {"api_key": "not used by functions"}}},
            "consumers": {"crm": {"filter": {"eventCategory": ["conversation"]}, "order": "conversation",
                                  "retry": {"base": "100ms"},
                                  "sink": {"http": {"url": self.receiver.url, "timeout": "5s", "allow_loopback": True}}}}}))
        self.zip.unlink(missing_ok=True)
        run(settings.BINARY, "lambda", "zip", "-c", config, "--out", self.zip)
        with zipfile.ZipFile(self.zip) as archive:
            self.assertIsNone(archive.testzip())
            for each in archive.infolist():
                path = pathlib.Path(archive.extract(each, self.root))
                path.chmod(each.external_attr >> 16 & 0o777)

    def function(self, handler, name="f", **more):
        function = Function(self.own, name, handler, self.root, self.env, **more)
        self.addCleanup(function.end)
        return function

    def road(self, number=0):
        """An ingest function behind a poller of a queue of its own."""
        url = self.sqs.create_queue(QueueName=f"{self.name}-events-{number}", Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
        arn = self.arn(url)
        self.service.enabled[arn] = True
        return Poller(self.sqs, self.service, url, arn, self.function("ingest", f"ingest-{number}"))

    def queue(self, ending):
        """URL and ARN of the queue that the engine has made."""
        urls = self.sqs.list_queues(QueueNamePrefix=self.name).get("QueueUrls", [])
        [url] = [each for each in urls if each.endswith(ending)]
        return url, self.arn(url)

    def arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def crm(self, ingest, visibility="5", **more):
        """The consumer's function behind a poller, once the ingest function has made the queue."""
        self.assertNotIn("errorType", ingest.invoke(self.maker.conversation("first-one")))
        return self.another_crm("crm", visibility, **more)

    def another_crm(self, name, visibility="5", **more):
        url, arn = self.queue("-crm.fifo")
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": visibility})
        self.service.enabled[arn] = True
        return Poller(self.sqs, self.service, url, arn, self.function("consumer:crm", name, **more))

    def delivered(self):
        """(conversation, id) in order of arrival, of what was answered 2xx."""
        found = []
        for each in self.receiver.taken():
            found += [(event["detail"]["eventBody"]["conversationId"], event["id"]) for event in each.events()]
        return found

    def waiting(self, url):
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


class Flow:
    """Events through ingest functions and a consumer's, which are killed again and again: none is lost, and each lane keeps its order.

    A standard queue promises no order, so that each `road` into the table is a queue, a poller and an instance with lanes of its own, one
    batch after the other; a part of the events comes as EventBridge invokes a function, one by one."""

    ALONE = 10  # of so many batches one comes event by event

    def __init__(self, case, count, roads, kill_each):
        self.case, self.count, self.kill_each = case, count, kill_each
        self.roads = roads  # pollers of the ingest functions
        self.crms = []      # of the consumer's
        self.lock = threading.Lock()  # of what follows
        self.kills = collections.Counter()
        self.arrived = set()
        self.made = collections.defaultdict(list)
        self.faults = []

    def answer(self, delivery):
        """The receiver's. Of what it has when an instance is killed nobody will have told the table."""
        with self.lock:
            self.arrived.update(event["id"] for event in delivery.events())
            number = len(self.arrived)
        if number % self.kill_each == self.kill_each // 2:
            self.kill(self.crms[number // self.kill_each % len(self.crms)], "consumers while one delivers")
        return 200

    def kill(self, poller, when):
        if poller.function.kill_runtime():
            with self.lock:
                self.kills[when] += 1

    def send(self, number):
        """All that goes by one road."""
        try:
            road = self.roads[number]
            maker = events.Maker(100 + number)
            count = self.count // len(self.roads)
            lanes = [maker.uuid() for _ in range(max(count // 20, 11))]
            for begin in range(0, count, 10):
                batch = [maker.conversation(lanes[i % len(lanes)]) for i in range(begin, begin + 10)]
                with self.lock:
                    for event in batch:
                        self.made[event["detail"]["eventBody"]["conversationId"]].append(event["id"])
                if begin // 10 % self.ALONE == self.ALONE - 1:
                    self.one_by_one(road, batch)
                else:
                    self.as_batch(road, batch)
                if begin % self.kill_each == 3 * 10:
                    self.kill(self.crms[begin // self.kill_each % len(self.crms)], "consumers at any time")
                if begin % self.kill_each == 6 * 10:
                    self.kill(self.roads[(number + 1) % len(self.roads)], "ingest functions")
        except Exception as error:  # told by the test
            self.faults.append(error)

    def as_batch(self, road, batch):
        wanted = road.deleted + len(batch)
        self.case.sqs.send_message_batch(QueueUrl=road.url, Entries=[{"Id": str(i), "MessageBody": json.dumps(event)}
                                                                     for i, event in enumerate(batch)])
        until(lambda: road.once() and road.deleted == wanted, "a batch is stored", 120)

    def one_by_one(self, road, batch):
        for event in batch:
            # As Lambda tries an asynchronous invocation again.
            def stored(event=event):
                answer = road.function.invoke(event)
                return answer.get("accepted", 0) + answer.get("duplicates", 0) == 1
            until(stored, "an event is stored", 120)

    def schedule(self, stopping):
        """EventBridge's, once in some seconds instead of a minute: what a killed function had stored is published."""
        while not stopping.wait(10):
            for each in self.roads:
                each.function.invoke(SCHEDULED)

    def run(self, within):
        case = self.case
        case.receiver.answer = self.answer
        stopping = threading.Event()
        senders = [threading.Thread(target=self.send, args=(i,), daemon=True) for i in range(len(self.roads))]
        clock = threading.Thread(target=self.schedule, args=(stopping,), daemon=True)
        for each in [*self.crms, *senders, clock]:
            each.start()
        for each in senders:
            each.join(within)
        case.assertEqual(self.faults, [])
        expected = {event for ids in self.made.values() for event in ids}
        case.assertEqual(len(expected), self.count)
        until(lambda: expected <= self.arrived, lambda: f"{len(expected - self.arrived)} are missing", within)
        stopping.set()
        clock.join(60)
        until(lambda: case.waiting(self.crms[0].url) == 0, "the queue is empty", 120)
        for each in self.crms:
            each.stop()
        self.check()

    def check(self):
        case = self.case
        first, delivered = collections.defaultdict(list), case.delivered()
        for lane, event in dict.fromkeys(delivered):
            first[lane].append(event)
        for lane, ids in self.made.items():
            case.assertEqual(first[lane], ids)
        case.assertEqual(set(self.kills), {"consumers while one delivers", "consumers at any time", "ingest functions"})
        repeats = len(delivered) - len(set(delivered))
        print(f"{self.count} events in {len(self.made)} lanes, kills: {dict(self.kills)}, {repeats} repeats, "
              f"{sum(len(each.answers) for each in self.crms)} invocations of the consumer", flush=True)
        # At most a batch for each kill of a consumer.
        case.assertLessEqual(repeats, 10 * sum(count for when, count in self.kills.items() if "consumers" in when))


def report(program):
    """Prints the closing lines of unittest.main(exit=False); the exit code."""
    bad = len(program.result.failures) + len(program.result.errors)
    for test, why in program.result.skipped:
        print(f"not run: {test}: {why}")
    good = program.result.testsRun - bad - len(program.result.skipped)
    print(f"{good} passed, {bad} failed")
    return 1 if bad or good == 0 else 0
