"""A consumer without a sink is an SQS queue, for clients that only know another endpoint."""
import collections
import datetime
import hashlib
import json
import threading

from harness import node
from harness.process import request
from harness.raw import RawConnection
from harness.sqs import ACCOUNT, KEY_ID, SECRET, SqsTest, signed

def md5_of(attributes):
    """By AWS's description: names sorted, each part behind its length of four bytes."""
    part = lambda text: len(text.encode()).to_bytes(4, "big") + text.encode()
    return hashlib.md5(b"".join(part(name) + part(value["DataType"]) + b"\1" + part(value["StringValue"])
                                for name, value in sorted(attributes.items()))).hexdigest()


class Sqs(SqsTest):
    def test_boto3_receives_and_settles(self):
        hub = self.start()
        client = self.boto3()
        sqs = client("sqs")
        self.assertEqual(client("sts").get_caller_identity()["Account"], ACCOUNT)
        url = sqs.get_queue_url(QueueName="crm.fifo")["QueueUrl"]
        self.assertEqual(url, self.url("crm.fifo"))
        self.assertEqual(sorted(sqs.list_queues()["QueueUrls"]), [url, self.url("wfm")])
        pages = sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1})
        self.assertEqual([found for page in pages for found in page["QueueUrls"]], [url, self.url("wfm")])
        events = [self.make.conversation("11111111-2222-4333-8444-555555555555", note=f"{number} <&>\"\u00e9\U0001f600")
                  for number in range(3)]
        for event in events:
            self.accepted(hub.post(event))
        seen = []
        while len(seen) < 3:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20, AttributeNames=["All"],
                                      MessageAttributeNames=["All"])["Messages"]
            for message in got:
                seen.append(json.loads(message["Body"]))
                self.assertEqual(message["Attributes"]["ApproximateReceiveCount"], "1")
                self.assertIn("11111111-2222-4333-8444-555555555555", message["Attributes"]["MessageGroupId"])
                attributes = message["MessageAttributes"]
                self.assertEqual(message["MD5OfBody"], hashlib.md5(message["Body"].encode()).hexdigest())
                self.assertEqual(message["MD5OfMessageAttributes"], md5_of(attributes))
                self.assertEqual(attributes["eventId"], {"DataType": "String", "StringValue": events[len(seen) - 1]["id"]})
                self.assertEqual(attributes["eventCategory"]["StringValue"], "conversation")
                if len(seen) == 2:
                    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
                    [again] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, AttributeNames=["All"])["Messages"]
                    self.assertEqual(again["MessageId"], message["MessageId"])
                    self.assertEqual(again["Attributes"]["ApproximateReceiveCount"], "2")
                    message = again
                result = sqs.delete_message_batch(
                    QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": message["ReceiptHandle"]},
                                           {"Id": "b", "ReceiptHandle": "none"}])
                self.assertEqual([entry["Id"] for entry in result["Successful"]], ["a"])
                self.assertEqual([(entry["Id"], entry["Code"]) for entry in result["Failed"]],
                                 [("b", "ReceiptHandleIsInvalid")])
        self.assertEqual(seen, events)
        self.assertNotIn("Messages", sqs.receive_message(QueueUrl=url))
        figures = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        self.assertEqual((figures["FifoQueue"], figures["QueueArn"]),
                         ("true", f"arn:aws:sqs:us-east-1:{ACCOUNT}:crm.fifo"))
        with self.assertRaises(sqs.exceptions.QueueDoesNotExist):
            sqs.get_queue_url(QueueName="not-there")
        with self.assertRaises(sqs.exceptions.UnsupportedOperation):
            sqs.send_message(QueueUrl=url, MessageBody="no event", MessageGroupId="g", MessageDeduplicationId="d")
        with self.assertRaisesRegex(sqs.exceptions.ClientError, "SignatureDoesNotMatch"):
            self.boto3("another secret")("sqs").list_queues()

    def test_boto3_makes_queues_and_sends(self):
        hub = self.start()
        sqs = self.boto3()("sqs")
        url = sqs.create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "60"},
                               tags={"team": "a"})["QueueUrl"]
        self.assertEqual(sqs.list_queue_tags(QueueUrl=url)["Tags"], {"team": "a"})
        with self.assertRaises(sqs.exceptions.QueueNameExists):
            sqs.create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "61"})
        # botocore compares the digests of what it has sent with those of the answers itself.
        attributes = {"n": {"DataType": "Number", "StringValue": "7"},
                      "b": {"DataType": "Binary.x", "BinaryValue": b"\0\1\xff"}}
        first = sqs.send_message(QueueUrl=url, MessageBody="0 <&>\u00e9\U0001f600", MessageGroupId="g",
                                 MessageDeduplicationId="0", MessageAttributes=attributes)
        again = sqs.send_message(QueueUrl=url, MessageBody="other", MessageGroupId="g", MessageDeduplicationId="0")
        self.assertEqual([again[key] for key in ("MessageId", "SequenceNumber")],
                         [first[key] for key in ("MessageId", "SequenceNumber")])
        done = sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": str(number), "MessageBody": str(number), "MessageGroupId": "g", "MessageDeduplicationId": str(number)}
            for number in range(1, 10)])
        self.assertEqual(len(done["Successful"]), 9)
        got = []
        while len(got) < 10:
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, MaxNumberOfMessages=10,
                                               AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"]:
                got.append(message)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.assertEqual([message["Body"][0] for message in got], [str(number) for number in range(10)])
        self.assertEqual(got[0]["MessageId"], first["MessageId"])
        self.assertEqual(got[0]["MessageAttributes"], attributes)
        self.assertEqual(got[0]["Attributes"]["MessageGroupId"], "g")
        # What clients send is nobody's event.
        self.assertNotIn("Messages", sqs.receive_message(QueueUrl=self.url("wfm"), WaitTimeSeconds=1))
        self.assertEqual(hub.client("why", got[0]["Attributes"]["SequenceNumber"].lstrip("0")).returncode, 0)
        sqs.delete_queue(QueueUrl=url)
        with self.assertRaises(sqs.exceptions.QueueDoesNotExist):
            sqs.send_message(QueueUrl=url, MessageBody="late", MessageGroupId="g", MessageDeduplicationId="late")

    def test_boto3_gets_the_messages_of_an_attempt_again_and_gives_permissions(self):
        self.start()
        sqs = self.boto3()("sqs")
        url = sqs.create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        for body in ("1", "2"):
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)
        first, again = (sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, ReceiveRequestAttemptId="a")["Messages"]
                        for _ in range(2))
        self.assertEqual(again, first)
        self.assertNotIn("Messages", sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="b"))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=again[0]["ReceiptHandle"])
        [second] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20, ReceiveRequestAttemptId="a")["Messages"]
        self.assertEqual(second["Body"], "2")

        def statements():
            got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
            return [each["Sid"] for each in json.loads(got.get("Policy", '{"Statement":[]}'))["Statement"]]

        for label in ("a", "b"):
            sqs.add_permission(QueueUrl=url, Label=label, AWSAccountIds=["111111111111"], Actions=["SendMessage", "*"])
        self.assertEqual(statements(), ["a", "b"])
        sqs.remove_permission(QueueUrl=url, Label="a")
        self.assertEqual(statements(), ["b"])

    def test_the_aws_cli_gives_permissions(self):
        self.start()
        aws = self.aws_cli()
        url = aws("sqs", "create-queue", "--queue-name", "jobs")["QueueUrl"]
        aws("sqs", "add-permission", "--queue-url", url, "--label", "a", "--aws-account-ids", "111111111111", "--actions",
            "SendMessage")
        policy = aws("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "Policy")["Attributes"]
        self.assertEqual(json.loads(policy["Policy"])["Statement"][0]["Action"], "SQS:SendMessage")
        aws("sqs", "remove-permission", "--queue-url", url, "--label", "a")
        self.assertEqual(aws("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "Policy"), {})

    def test_what_a_client_sent_survives_kills_in_order_and_once(self):
        hub = self.start()
        self.call("CreateQueue", QueueName="work.fifo", Attributes={"FifoQueue": "true"})
        sent = []
        for number in range(60):
            message = {"QueueUrl": self.url("work.fifo"), "MessageBody": str(number), "MessageGroupId": f"g{number % 3}",
                       "MessageDeduplicationId": str(number)}
            sent.append(self.call("SendMessage", **message)["MessageId"])
            if number % 20 == 10:
                hub.kill()
                hub.start()
                # The answer is taken for lost, and the message sent again.
                self.assertEqual(self.call("SendMessage", **message)["MessageId"], sent[-1])
        bodies = collections.defaultdict(list)
        ids = []
        killed = False
        while len(ids) < 60:
            got = self.call("ReceiveMessage", QueueUrl=self.url("work.fifo"), WaitTimeSeconds=20, VisibilityTimeout=5,
                            MaxNumberOfMessages=10, AttributeNames=["All"])
            self.assertIn("Messages", got, f"{len(ids)} of 60 came")
            if len(ids) > 30 and not killed:
                killed = True
                hub.kill()
                hub.start()
                continue  # what was in flight comes again, before its successors
            for message in got["Messages"]:
                ids.append(message["MessageId"])
                bodies[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
                self.call("DeleteMessage", QueueUrl=self.url("work.fifo"), ReceiptHandle=message["ReceiptHandle"])
        self.assertEqual(sorted(ids), sorted(sent))
        self.assertEqual(bodies, {f"g{group}": list(range(group, 60, 3)) for group in range(3)})

    def test_messages_of_a_group_come_together_and_end_one_by_one_over_kills(self):
        hub = self.start()
        url = self.url("work.fifo")
        self.call("CreateQueue", QueueName="work.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "600"})
        entries = [{"Id": body, "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body} for body in "12345"]
        self.call("SendMessageBatch", QueueUrl=url, Entries=entries)

        def receive(count=10, wait=20):
            got = self.call("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=wait, MaxNumberOfMessages=count)
            return got.get("Messages", [])

        def kill():
            hub.kill()
            hub.start()

        first = receive(3)
        self.assertEqual([message["Body"] for message in first], ["1", "2", "3"])
        delete = lambda message: self.batch("DeleteMessageBatch", "work.fifo", [message])
        delete(first[1])
        kill()
        self.assertEqual(receive(wait=1), [], "1 and 3 are in flight")
        delete(first[1])  # once more: its answer is taken for lost
        delete(first[2])
        self.batch("ChangeMessageVisibilityBatch", "work.fifo", first[:1], VisibilityTimeout=0)
        kill()
        bodies = []
        while len(bodies) < 3:
            for message in receive():
                bodies.append(message["Body"])
                delete(message)
        self.assertEqual(bodies, ["1", "4", "5"])
        kill()
        self.assertEqual(receive(wait=1), [])

    def test_queues_of_clients_are_no_removed_consumers(self):
        hub = self.start()
        self.call("CreateQueue", QueueName="jobs")
        self.call("SendMessage", QueueUrl=self.url("jobs"), MessageBody="kept")
        self.call("CreateQueue", QueueName="empty")
        self.assertEqual(hub.client("reload").returncode, 0)
        self.assertEqual(hub.stop(), 0)
        hub.start()
        self.assertEqual(self.call("ListQueues")["QueueUrls"],
                         [self.url(name) for name in ("crm.fifo", "empty", "jobs", "wfm")])
        self.assertEqual(self.take("jobs", 1), ["kept"])

    def test_the_aws_cli_makes_a_queue_and_sends(self):
        self.start()
        aws = self.aws_cli()
        url = aws("sqs", "create-queue", "--queue-name", "jobs", "--attributes", "VisibilityTimeout=9")["QueueUrl"]
        sent = aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes",
                   '{"a":{"DataType":"String","StringValue":"b"}}')
        [message] = aws("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "20",
                        "--message-attribute-names", "All")["Messages"]
        self.assertEqual((message["Body"], message["MessageId"]), ("hello", sent["MessageId"]))
        self.assertEqual(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
        aws("sqs", "tag-queue", "--queue-url", url, "--tags", "a=b")
        self.assertEqual(aws("sqs", "list-queue-tags", "--queue-url", url), {"Tags": {"a": "b"}})
        aws("sqs", "delete-queue", "--queue-url", url)

    def test_the_aws_cli_receives_and_deletes(self):
        hub, aws = self.start(), self.aws_cli()
        event = self.make.conversation()
        self.accepted(hub.post(event))
        self.assertEqual(aws("sqs", "list-queues", "--queue-name-prefix", "w")["QueueUrls"], [self.url("wfm")])
        [message] = aws("sqs", "receive-message", "--queue-url", self.url("wfm"), "--wait-time-seconds", "20",
                        "--attribute-names", "All", "--message-attribute-names", "All")["Messages"]
        self.assertEqual(json.loads(message["Body"]), event)
        aws("sqs", "delete-message", "--queue-url", self.url("wfm"), "--receipt-handle", message["ReceiptHandle"])
        self.assertEqual(aws("sqs", "receive-message", "--queue-url", self.url("wfm")), {})
        self.assertEqual(aws("sts", "get-caller-identity")["Account"], ACCOUNT)

    def test_sqs_consumer_takes_a_fifo_queue_in_order(self):
        modules = node.modules(self)
        hub = self.start()
        conversations = [self.make.uuid() for _ in range(3)]
        sent = collections.defaultdict(list)
        for number in range(24):
            event = self.make.conversation(conversations[number % 3], number=number)
            sent[conversations[number % 3]].append(number)
            self.accepted(hub.post(event))
        out = node.run(modules, "sqs_consume.mjs",
                       {"endpoint": self.endpoint, "queueUrl": self.url("crm.fifo"), "count": 24, "failFirst": True,
                        "credentials": {"accessKeyId": KEY_ID, "secretAccessKey": SECRET}}, timeout=120)
        self.assertEqual(sorted(out["listed"]), [self.url("crm.fifo"), self.url("wfm")])
        self.assertEqual(out["missing"], "QueueDoesNotExist")
        got = collections.defaultdict(list)
        for message in out["handled"]:
            self.assertIn(message["conversation"], message["group"])
            got[message["conversation"]].append(json.loads(message["body"])["detail"]["eventBody"]["number"])
        self.assertEqual(got, sent)
        self.assertEqual([message["count"] for message in out["handled"]].count("2"), 1, "the one that failed")

    def test_the_javascript_sdk_makes_a_queue_and_sends(self):
        modules = node.modules(self)
        self.start()
        out = node.run(modules, "sqs_send.mjs", {"endpoint": self.endpoint, "name": "work.fifo",
                                                 "credentials": {"accessKeyId": KEY_ID, "secretAccessKey": SECRET}},
                       timeout=120)
        self.assertEqual((out["url"], out["bodies"], out["bytes"], out["code"], out["sent"], len(out["first"])),
                         (self.url("work.fifo"), ["0 \u00e9", "1", "2", "3"], [0, 1, 255], "MissingParameter", 3, 20))

    def test_killed_with_messages_in_flight_each_is_accounted_for(self):
        hub = self.start()
        events = [self.make.conversation() for _ in range(40)]
        for event in events:
            self.accepted(hub.post(event))
        messages = []
        while len(messages) < 30:
            got = self.call("ReceiveMessage", QueueUrl=self.url("wfm"), WaitTimeSeconds=20, VisibilityTimeout=3600,
                            MaxNumberOfMessages=min(10, 30 - len(messages)))
            messages += got["Messages"]
        gone = messages[:10]
        back = messages[10:20]
        held = messages[20:]
        for message in gone:
            self.call("DeleteMessage", QueueUrl=self.url("wfm"), ReceiptHandle=message["ReceiptHandle"])
        hub.kill()
        hub.start()
        # A handle of before the kill holds: a message that is in flight is nobody else's until its timeout.
        self.batch("ChangeMessageVisibilityBatch", "wfm", back, VisibilityTimeout=0)
        seen = collections.Counter(self.take("wfm", 40 - len(gone) - len(held)))
        self.assertNotIn("Messages", self.call("ReceiveMessage", QueueUrl=self.url("wfm"), WaitTimeSeconds=1))
        self.batch("DeleteMessageBatch", "wfm", held)
        hub.drained("wfm")
        seen.update(message["Body"] for message in gone + held)
        self.assertEqual(sorted(json.loads(body)["id"] for body in seen.elements()),
                         sorted(event["id"] for event in events))

    def test_a_client_that_goes_away_while_it_waits_costs_no_message(self):
        hub = self.start()
        for _ in range(3):
            body = json.dumps({"QueueUrl": self.url("wfm"), "WaitTimeSeconds": 20, "VisibilityTimeout": 43200}).encode()
            headers = signed(self.address, "ReceiveMessage", body)
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with RawConnection(self.address) as client:
                client.send(f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        event = self.make.conversation()
        self.accepted(hub.post(event))
        got = self.call("ReceiveMessage", QueueUrl=self.url("wfm"), WaitTimeSeconds=20, AttributeNames=["All"])
        self.assertEqual(json.loads(got["Messages"][0]["Body"]), event)
        self.assertEqual(got["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1")

    def test_a_request_in_chunks_of_one_byte_is_read(self):
        self.start()
        body = json.dumps({"QueueNamePrefix": "c"}).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in signed(self.address, "ListQueues", body).items())
        with RawConnection(self.address) as client:
            for byte in f"POST / HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode():
                client.send(bytes([byte]))
            for byte in body:
                client.send(b"1\r\n" + bytes([byte]) + b"\r\n")
            client.send(b"0\r\n\r\n")
            status, headers, answer = client.read_answer()
        self.assertEqual((status, json.loads(answer)), (200, {"QueueUrls": [self.url("crm.fifo")]}))
        self.assertEqual(headers["content-type"], "application/x-amz-json-1.0")

    def test_signatures_that_are_not_good_get_aws_codes(self):
        self.start()
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)

        def refused(**options):
            answer = request(self.address, "POST", "/", b"{}", signed(self.address, "ListQueues", b"{}", **options))
            self.assertEqual(answer.status, 403, answer)
            return answer.headers["x-amzn-query-error"], answer.json["message"]

        self.assertEqual(refused(secret="wrong")[0], "SignatureDoesNotMatch;Sender")
        self.assertEqual(refused(key="AKIDOTHER")[0], "InvalidClientTokenId;Sender")
        self.assertTrue(refused(at=now - day)[1].startswith("Signature expired: "))
        self.assertTrue(refused(at=now + day)[1].startswith("Signature not yet current: "))
        self.assertIn("valid region", refused(region="eu-west-1")[1])
        self.assertIn("correct service", refused(service="s3")[1])
        unsigned = request(self.address, "POST", "/", b"{}", {"x-amz-target": "AmazonSQS.ListQueues"})
        self.assertEqual((unsigned.status, unsigned.headers["x-amzn-query-error"]),
                         (403, "MissingAuthenticationToken;Sender"))

    def test_a_stop_does_not_wait_for_long_polls(self):
        hub = self.start(keys=[], unsigned=True)
        answers = []
        body = json.dumps({"QueueUrl": self.url("wfm"), "WaitTimeSeconds": 20}).encode()
        poll = threading.Thread(target=lambda: answers.append(
            request(self.address, "POST", "/", body, {"x-amz-target": "AmazonSQS.ReceiveMessage"})))
        poll.start()
        self.until(lambda: self._connections() >= 1, "the poll never came")
        self.assertEqual(hub.stop(), 0)
        poll.join()
        # The poll had been read, or came too late.
        self.assertIn([answer.status for answer in answers], ([200], [503]))

    def _connections(self):
        port = f":{int(self.address.rsplit(':', 1)[1]):04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table]
        return sum(1 for row in rows if len(row) > 3 and row[1].endswith(port) and row[3] == "01")
