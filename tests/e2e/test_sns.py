"""Topics of the SNS API: what is published is in all subscribed queues, for clients that only know another endpoint."""
import base64
import importlib.util
import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request

from harness import node
from harness.case import HubTest
from harness.process import free_address

KEY_ID = "AKIDTEST"
SECRET = "a-secret-access-key-of-the-tests"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:"
TOPIC = "arn:aws:sns:us-east-1:000000000000:"


class Sns(HubTest):
    def start(self):
        self.address = free_address()
        self.endpoint = f"http://{self.address}"
        return self.hub({}, sqs={"listen": self.address, "keys": {"id": KEY_ID, "secret": "${env:SQS_SECRET}"}},
                        env={"SQS_SECRET": SECRET})

    def boto3(self, **config):
        if importlib.util.find_spec("boto3") is None:
            self.skipTest("python3-boto3 is not here")
        import boto3  # pylint: disable=import-outside-toplevel
        from botocore.config import Config  # pylint: disable=import-outside-toplevel
        session = boto3.session.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name="us-east-1")
        return [session.client(service, endpoint_url=self.endpoint, config=Config(**config)) for service in ("sns", "sqs")]

    def queue(self, sqs, name, **attributes):
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def take(self, sqs, url, count):
        bodies = []
        while len(bodies) < count:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
            self.assertIn("Messages", got, f"{len(bodies)} of {count} came")
            for message in got["Messages"]:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def test_boto3_publishes_to_queues(self):
        self.start()
        sns, sqs = self.boto3()
        topic = sns.create_topic(Name="orders", Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
        self.assertEqual(topic, TOPIC + "orders")
        urls = [self.queue(sqs, name) for name in ("wrapped", "raw", "big")]
        arns = [sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE + name, Attributes=attributes)["SubscriptionArn"]
                for name, attributes in (("wrapped", {}), ("raw", {"RawMessageDelivery": "true"}), ("big", {
                    "FilterPolicy": json.dumps({"total": [{"numeric": [">=", 100]}]}),
                    "FilterPolicyScope": "MessageBody"}))]
        for number in (1, 100):
            sent = sns.publish(TopicArn=topic, Message=json.dumps({"total": number}), Subject="An order",
                               MessageAttributes={"kind": {"DataType": "String", "StringValue": "new"},
                                                  "bytes": {"DataType": "Binary", "BinaryValue": b"\0\1"}})
        wrapped = [json.loads(body) for body in self.take(sqs, urls[0], 2)]
        self.assertEqual([json.loads(body["Message"])["total"] for body in wrapped], [1, 100])
        self.assertEqual(wrapped[1]["MessageId"], sent["MessageId"])
        self.assertEqual(wrapped[1]["MessageAttributes"], {"kind": {"Type": "String", "Value": "new"},
                                                          "bytes": {"Type": "Binary", "Value": "AAE="}})
        [message, _] = sqs.receive_message(QueueUrl=urls[1], WaitTimeSeconds=20, MaxNumberOfMessages=10,
                                           MessageAttributeNames=["All"])["Messages"]
        self.assertEqual(message["MessageAttributes"]["bytes"]["BinaryValue"], b"\0\1")
        [only] = self.take(sqs, urls[2], 1)
        self.assertEqual(json.loads(json.loads(only)["Message"]), {"total": 100})
        attributes = sns.get_subscription_attributes(SubscriptionArn=arns[2])["Attributes"]
        self.assertEqual((attributes["FilterPolicyScope"], attributes["Endpoint"]), ("MessageBody", QUEUE + "big"))
        listed = [each["SubscriptionArn"] for page in sns.get_paginator("list_subscriptions").paginate()
                  for each in page["Subscriptions"]]
        self.assertEqual(sorted(listed), sorted(arns))
        batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "x"},
                                                                              {"Id": "b", "Message": "y", "Subject": "\n"}])
        self.assertEqual(([each["Id"] for each in batch["Successful"]], [each["Code"] for each in batch["Failed"]]),
                         (["a"], ["InvalidParameter"]))
        self.assertEqual(sns.list_tags_for_resource(ResourceArn=topic)["Tags"], [{"Key": "team", "Value": "a"}])
        sns.unsubscribe(SubscriptionArn=arns[0])
        self.assertEqual(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"], "2")
        sns.delete_topic(TopicArn=topic)
        with self.assertRaises(sns.exceptions.NotFoundException):
            sns.publish(TopicArn=topic, Message="x")
        with self.assertRaises(sns.exceptions.InvalidParameterException):
            sns.create_topic(Name="a b")

    def test_a_notification_verifies_by_another_library(self):
        if importlib.util.find_spec("cryptography") is None:
            self.skipTest("python3-cryptography is not here")
        # pylint: disable=import-outside-toplevel
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        self.start()
        sns, sqs = self.boto3()
        url = self.queue(sqs, "one")
        for version, digest in (("1", hashes.SHA1()), ("2", hashes.SHA256())):
            topic = sns.create_topic(Name=f"v{version}", Attributes={"SignatureVersion": version})["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE + "one")
            sns.publish(TopicArn=topic, Message="caf\u00e9\n\"x\"", Subject="S")
            body = json.loads(self.take(sqs, url, 1)[0])
            with urllib.request.urlopen(body["SigningCertURL"]) as answer:
                key = x509.load_pem_x509_certificate(answer.read()).public_key()
            text = "".join(f"{name}\n{body[name]}\n"
                           for name in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")).encode()
            self.assertEqual(body["SignatureVersion"], version)
            signature = base64.b64decode(body["Signature"])
            key.verify(signature, text, padding.PKCS1v15(), digest)
            with self.assertRaises(InvalidSignature):
                key.verify(signature, text + b"x", padding.PKCS1v15(), digest)

    def test_killed_while_it_publishes_each_message_is_in_all_queues_or_in_none(self):
        hub = self.start()
        sns, sqs = self.boto3(retries={"max_attempts": 0})
        topic = sns.create_topic(Name="orders")["TopicArn"]
        names = ("a", "b", "c")
        urls = [self.queue(sqs, name) for name in names]
        for name in names:
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE + name, Attributes={"RawMessageDelivery": "true"})
        answered, ended = set(), []

        def publish(first):
            try:
                for number in range(first, first + 100_000):
                    sns.publish(TopicArn=topic, Message=str(number))
                    answered.add(str(number))
            except Exception as error:  # pylint: disable=broad-except
                ended.append(error)

        threads = [threading.Thread(target=publish, args=(number * 1_000_000,)) for number in range(4)]
        for thread in threads:
            thread.start()
        self.until(lambda: len(answered) > 100 or ended, "nothing was published")
        hub.kill()
        for thread in threads:
            thread.join()
        self.assertEqual(len(ended), 4)
        hub.start()
        sns.publish(TopicArn=topic, Message="the last one")
        found = []
        for url in urls:
            bodies = []
            while "the last one" not in bodies:
                bodies += self.take(sqs, url, 1)
            self.assertEqual(len(bodies), len(set(bodies)), "each once")
            found.append(set(bodies))
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])
        self.assertLessEqual(answered, found[0])

    def test_a_fifo_topic_keeps_order_and_knows_repeats_over_kills(self):
        hub = self.start()
        sns, sqs = self.boto3()
        topic = sns.create_topic(Name="orders.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        urls = [self.queue(sqs, name) for name in ("a.fifo", "b.fifo", "c")]
        for name in ("a.fifo", "b.fifo", "c"):
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE + name, Attributes={"RawMessageDelivery": "true"})
        answers = []
        for number in range(60):
            if number in (20, 40):
                hub.kill()
                hub.start()
            send = lambda: sns.publish(TopicArn=topic, Message=str(number), MessageGroupId=f"g{number % 3}",
                                       MessageDeduplicationId=str(number))
            answers.append(send())
            if number % 10 == 9 or number in (20, 40):
                self.assertEqual(send()["MessageId"], answers[-1]["MessageId"], "a repeat is answered as the first")
        repeat = sns.publish(TopicArn=topic, Message="19", MessageGroupId="g1", MessageDeduplicationId="19")
        self.assertEqual((repeat["MessageId"], repeat["SequenceNumber"]),
                         (answers[19]["MessageId"], answers[19]["SequenceNumber"]), "over a kill, too")
        sequences = [answer["SequenceNumber"] for answer in answers]
        self.assertEqual(sequences, sorted(sequences))
        for url in urls[:2]:
            bodies = [int(body) for body in self.take(sqs, url, 60)]
            for group in range(3):
                self.assertEqual([body for body in bodies if body % 3 == group], list(range(group, 60, 3)))
        self.assertEqual(sorted(int(body) for body in self.take(sqs, urls[2], 60)), list(range(60)))
        self.assertNotIn("Messages", sqs.receive_message(QueueUrl=urls[2]))

    def test_the_aws_cli_makes_a_topic_and_publishes(self):
        if not shutil.which("aws"):
            self.skipTest("awscli is not here")
        self.start()
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "AWS_ACCESS_KEY_ID": KEY_ID,
               "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

        def aws(*arguments):
            done = subprocess.run(["aws", "--endpoint-url", self.endpoint, "--output", "json", *arguments],
                                  capture_output=True, timeout=120, env=env)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            return json.loads(done.stdout) if done.stdout.strip() else {}

        url = aws("sqs", "create-queue", "--queue-name", "jobs")["QueueUrl"]
        topic = aws("sns", "create-topic", "--name", "orders")["TopicArn"]
        arn = aws("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", QUEUE + "jobs",
                  "--attributes", "RawMessageDelivery=true")["SubscriptionArn"]
        aws("sns", "set-subscription-attributes", "--subscription-arn", arn, "--attribute-name", "FilterPolicy",
            "--attribute-value", '{"kind":["new"]}')
        for kind in ("old", "new"):
            aws("sns", "publish", "--topic-arn", topic, "--message", kind, "--message-attributes",
                json.dumps({"kind": {"DataType": "String", "StringValue": kind}}))
        [message] = aws("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "20")["Messages"]
        self.assertEqual(message["Body"], "new")
        self.assertEqual(aws("sns", "list-topics")["Topics"], [{"TopicArn": topic}])
        aws("sns", "delete-topic", "--topic-arn", topic)

    def test_the_javascript_sdk_publishes_to_a_fifo_topic(self):
        modules = node.modules(self)
        self.start()
        _, sqs = self.boto3()
        url = self.queue(sqs, "work.fifo")
        out = node.run(modules, "sns_publish.mjs", {
            "endpoint": self.endpoint, "name": "orders.fifo", "queue": QUEUE + "work.fifo",
            "credentials": {"accessKeyId": KEY_ID, "secretAccessKey": SECRET}}, timeout=120)
        self.assertEqual((out["topic"], out["code"], out["same"], out["sent"], out["raw"], out["listed"], len(out["first"])),
                         (TOPIC + "orders.fifo", "InvalidParameterException", True, 3, "true", [QUEUE + "work.fifo"], 20))
        self.assertEqual(self.take(sqs, url, 4), ["0 \u00e9", "1", "2", "3"])

    def test_who_has_no_key_changes_and_publishes_nothing(self):
        self.start()
        body = b"Action=CreateTopic&Version=2010-03-31&Name=orders"
        request = urllib.request.Request(self.endpoint, body, {"Content-Type": "application/x-www-form-urlencoded"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        self.assertEqual(refused.exception.code, 403)
        self.assertIn(b"MissingAuthenticationToken", refused.exception.read())
        sns, _ = self.boto3()
        self.assertEqual(sns.list_topics()["Topics"], [])
