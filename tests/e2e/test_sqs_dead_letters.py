"""Messages of SQS clients that were received too often, and queues that are purged."""
import collections
import json

from harness import node
from harness.sqs import ACCOUNT, KEY_ID, SECRET, SqsTest


def arn(queue):
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"


def redrive_policy(target, count):
    return json.dumps({"maxReceiveCount": count, "deadLetterTargetArn": arn(target)})


class SqsDeadLetters(SqsTest):
    def make_pair(self, suffix="", count=1):
        """The queue `work` and its dead-letter queue `dead`."""
        fifo = {"FifoQueue": "true"} if suffix else {}
        self.call("CreateQueue", QueueName=f"dead{suffix}", Attributes=fifo)
        self.call("CreateQueue", QueueName=f"work{suffix}",
                  Attributes={**fifo, "RedrivePolicy": redrive_policy(f"dead{suffix}", count)})

    def send_all(self, queue, count):
        sent = {}
        for number in range(count):
            fifo = {"MessageGroupId": f"g{number % 3}", "MessageDeduplicationId": str(number)} if ".fifo" in queue else {}
            answer = self.call("SendMessage", QueueUrl=self.url(queue), MessageBody=str(number), **fifo)
            sent[answer["MessageId"]] = str(number)
        return sent

    def take_all(self, queue, count):
        got = collections.Counter()
        while sum(got.values()) < count:
            answer = self.call("ReceiveMessage", QueueUrl=self.url(queue), MaxNumberOfMessages=10, WaitTimeSeconds=20)
            self.assertIn("Messages", answer, f"{sum(got.values())} of {count} came")
            for message in answer["Messages"]:
                got[message["MessageId"], message["Body"]] += 1
                self.call("DeleteMessage", QueueUrl=self.url(queue), ReceiptHandle=message["ReceiptHandle"])
        return got

    def empty(self, queue):
        return "Messages" not in self.call("ReceiveMessage", QueueUrl=self.url(queue), WaitTimeSeconds=1)

    def moved_over_kills(self, suffix):
        """Receives until all are in the dead-letter queue; the hub is killed when some are there and not gone here yet."""
        hub = self.start()
        self.make_pair(suffix)
        sent = self.send_all(f"work{suffix}", 24)
        kills = ["settle=kill@2", "settle=kill@4", "commit.after_sync=kill@9"]
        killed = 0
        seen = collections.Counter()
        hub.kill()
        hub.start(TRUNKLINE_FAILPOINTS=kills[0])
        while True:
            try:
                got = self.call("ReceiveMessage", QueueUrl=self.url(f"work{suffix}"), MaxNumberOfMessages=10,
                                VisibilityTimeout=0, WaitTimeSeconds=15)
            except OSError:
                hub.child.wait(20)
                killed += 1
                # Nobody is killed by the last one: what is left moves.
                hub.start(**({"TRUNKLINE_FAILPOINTS": kills[killed]} if killed < len(kills) else {}))
                continue
            if "Messages" not in got:
                break
            seen.update(message["MessageId"] for message in got["Messages"])
        self.assertGreaterEqual(killed, 2)
        self.assertLessEqual(set(seen), set(sent))  # some were given in an answer that a kill has cut off
        moved = self.take_all(f"dead{suffix}", len(sent))
        self.assertEqual(moved, collections.Counter(sent.items()))
        self.assertTrue(self.empty(f"dead{suffix}"))
        self.assertTrue(self.empty(f"work{suffix}"))

    def test_what_moves_is_neither_lost_nor_doubled_over_kills(self):
        self.moved_over_kills("")

    def test_what_moves_from_a_fifo_queue_is_neither_lost_nor_doubled_over_kills(self):
        self.moved_over_kills(".fifo")

    def test_boto3_finds_a_dead_letter_and_purges(self):
        self.start()
        sqs = self.boto3()("sqs")
        dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        work = sqs.create_queue(QueueName="work.fifo", Attributes={
            "FifoQueue": "true", "RedrivePolicy": redrive_policy("dead.fifo", 1)})["QueueUrl"]
        self.assertEqual(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [work])
        sent = sqs.send_message(QueueUrl=work, MessageBody="bad", MessageGroupId="g", MessageDeduplicationId="1")
        sqs.send_message(QueueUrl=work, MessageBody="good", MessageGroupId="g", MessageDeduplicationId="2")
        [first] = sqs.receive_message(QueueUrl=work, VisibilityTimeout=0, WaitTimeSeconds=20)["Messages"]
        self.assertEqual(first["MessageId"], sent["MessageId"])
        [second] = sqs.receive_message(QueueUrl=work, WaitTimeSeconds=20)["Messages"]
        self.assertEqual(second["Body"], "good")
        [message] = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=20, AttributeNames=["All"])["Messages"]
        self.assertEqual((message["MessageId"], message["Body"]), (sent["MessageId"], "bad"))
        attributes = message["Attributes"]
        self.assertEqual((attributes["DeadLetterQueueSourceArn"], attributes["MessageGroupId"],
                          attributes["MessageDeduplicationId"], attributes["ApproximateReceiveCount"]),
                         (arn("work.fifo"), "g", sent["MessageId"], "1"))
        sqs.send_message(QueueUrl=work, MessageBody="more", MessageGroupId="h", MessageDeduplicationId="3")
        sqs.purge_queue(QueueUrl=work)
        with self.assertRaises(sqs.exceptions.PurgeQueueInProgress):
            sqs.purge_queue(QueueUrl=work)
        self.assertNotIn("Messages", sqs.receive_message(QueueUrl=work, WaitTimeSeconds=1))

    def test_a_purged_queue_stays_empty_over_a_kill_and_takes_what_is_sent_after(self):
        hub = self.start()
        self.call("CreateQueue", QueueName="jobs")
        self.send_all("jobs", 5)
        self.call("PurgeQueue", QueueUrl=self.url("jobs"))
        hub.kill()
        hub.start()
        self.assertTrue(self.empty("jobs"))
        self.call("SendMessage", QueueUrl=self.url("jobs"), MessageBody="after")
        self.assertEqual(self.take("jobs", 1), ["after"])

    def test_the_aws_cli_lists_sources_and_purges(self):
        self.start()
        self.make_pair()
        aws = self.aws_cli()
        self.send_all("work", 2)
        self.assertEqual(aws("sqs", "list-dead-letter-source-queues", "--queue-url", self.url("dead")),
                         {"queueUrls": [self.url("work")]})
        aws("sqs", "purge-queue", "--queue-url", self.url("work"))
        self.assertTrue(self.empty("work"))

    def fill(self, count):
        """So many messages of `work` that were received too often."""
        self.make_pair()
        sent = self.send_all("work", count)
        receive = {"QueueUrl": self.url("work"), "WaitTimeSeconds": 1, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        while "Messages" in self.call("ReceiveMessage", **receive):
            pass
        return sent

    def moved(self, source):
        """The newest task of the queue, once it has ended."""
        tasks = []

        def ended():
            tasks[:] = self.call("ListMessageMoveTasks", SourceArn=arn(source))["Results"]
            return tasks[0]["Status"] not in ("RUNNING", "CANCELLING")

        self.until(ended, "the task did not end")
        return tasks[0]

    def test_a_move_goes_on_after_kills_and_moves_each_once(self):
        hub = self.start()
        sent = self.fill(24)
        hub.kill()
        hub.start(TRUNKLINE_FAILPOINTS="settle=kill@3")
        try:
            self.call("StartMessageMoveTask", SourceArn=arn("dead"), MaxNumberOfMessagesPerSecond=100)
        except OSError:
            pass  # it was killed before it could answer
        hub.child.wait(30)
        # The task goes on by itself, and is killed when some of what it moves is in both queues.
        hub.start(TRUNKLINE_FAILPOINTS="settle=kill@5")
        hub.child.wait(30)
        hub.start()
        task = self.moved("dead")
        self.assertEqual((task["Status"], task["ApproximateNumberOfMessagesMoved"], task["MaxNumberOfMessagesPerSecond"]),
                         ("COMPLETED", 24, 100))
        self.assertTrue(self.empty("dead"))
        bodies = collections.Counter()
        for (message_id, body), count in self.take_all("work", 24).items():
            self.assertNotIn(message_id, sent, "what is moved back is a new message")
            bodies[body] += count
        self.assertEqual(bodies, collections.Counter(sent.values()))
        self.assertTrue(self.empty("work"))

    def test_the_javascript_sdk_moves_a_dead_letter_queue_back_and_purges(self):
        modules = node.modules(self)
        self.start()
        out = node.run(modules, "sqs_move.mjs", {"endpoint": self.endpoint,
                                                 "credentials": {"accessKeyId": KEY_ID, "secretAccessKey": SECRET}},
                       timeout=120)
        self.assertEqual((out["sources"], out["late"], out["twice"], out["bodies"]),
                         ([self.url("work")], "ResourceNotFoundException", "PurgeQueueInProgress", ["0", "1", "2"]))
        self.assertEqual((out["task"]["Status"], out["task"]["SourceArn"], out["task"]["ApproximateNumberOfMessagesMoved"],
                          out["task"]["MaxNumberOfMessagesPerSecond"]), ("COMPLETED", arn("dead"), 3, 500))
