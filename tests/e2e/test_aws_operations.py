"""docs/aws-operations.md says of every operation that the SDK knows of SQS and SNS what the hub does with it: held against the SDK's own
service models, the hub, and the tests that are named."""
import importlib.util
import json
import pathlib

from harness import settings
from harness.case import HubTest
from harness.process import free_address

TOPIC = "arn:aws:sns:us-east-1:000000000000:"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:"


def rows():
    """{(service, operation): (answered, file of tests)}"""
    found = {}
    for line in (pathlib.Path(settings.ROOT) / "docs/aws-operations.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] in ("sqs", "sns"):
            found[cells[0], cells[1]] = (cells[2] == "yes", cells[3].strip("`"))
    return found


class AwsOperations(HubTest):
    def setUp(self):
        super().setUp()
        if importlib.util.find_spec("boto3") is None:
            self.skipTest("python3-boto3 is not here")
        address = free_address()
        self.hub({}, sqs={"listen": address, "unsigned": True}, sns={"allow_loopback": True})
        import boto3  # pylint: disable=import-outside-toplevel
        from botocore.config import Config  # pylint: disable=import-outside-toplevel
        session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
        self.clients = {service: session.client(service, endpoint_url=f"http://{address}", config=Config(
            parameter_validation=False, retries={"max_attempts": 0})) for service in ("sqs", "sns")}
        self.called = set()
        for service, client in self.clients.items():
            client.meta.events.register("after-call", self.note(service))

    def note(self, service):
        def after(http_response, model, **_):
            if http_response.status_code == 200:
                self.called.add((service, model.name))
        return after

    def operations(self):
        return {(service, name) for service, client in self.clients.items()
                for name in client.meta.service_model.operation_names}

    def test_the_table_names_every_operation_and_its_tests(self):
        table = rows()
        known = self.operations()
        from botocore import xform_name  # pylint: disable=import-outside-toplevel
        # The SDK of the machine may be older than the one that the table was made by: then it knows fewer.
        self.assertLessEqual(known, set(table), "an operation of the SDK is missing in docs/aws-operations.md")
        for (service, name), (answered, tests) in table.items():
            if not answered:
                continue
            words = (pathlib.Path(settings.ROOT) / tests).read_text(encoding="utf-8")
            self.assertRegex(words, rf"\b({name}|{xform_name(name)})\b", f"{tests} says nothing of {service}'s {name}")

    def test_what_the_table_calls_answered_is_and_nothing_else(self):
        self.use_queues()
        self.use_topics()
        known = self.operations()
        answered = {key for key, (yes, _) in rows().items() if yes and key in known}
        self.assertEqual(self.called, answered)
        for service, name in sorted(known - answered):
            from botocore.exceptions import ClientError  # pylint: disable=import-outside-toplevel
            with self.assertRaises(ClientError) as refused:
                self.clients[service]._make_api_call(name, {})  # pylint: disable=protected-access
            self.assertEqual(refused.exception.response["Error"]["Code"], "InvalidAction", name)

    def use_queues(self):
        sqs = self.clients["sqs"]
        url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": QUEUE + "dead", "maxReceiveCount": 1})})
        self.assertEqual(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])
        self.assertEqual(sqs.get_queue_url(QueueName="jobs")["QueueUrl"], url)
        self.assertEqual(sorted(sqs.list_queues()["QueueUrls"]), sorted([url, dead]))
        sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
        sqs.untag_queue(QueueUrl=url, TagKeys=["b"])
        self.assertEqual(sqs.list_queue_tags(QueueUrl=url)["Tags"], {"a": "1"})
        sqs.add_permission(QueueUrl=url, Label="them", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
        self.assertIn("them", sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["Policy"])
        sqs.remove_permission(QueueUrl=url, Label="them")
        sqs.send_message(QueueUrl=dead, MessageBody="one")
        sqs.send_message_batch(QueueUrl=dead, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(2)])
        handles = []
        while len(handles) < 3:
            handles += [message["ReceiptHandle"] for message in sqs.receive_message(
                QueueUrl=dead, MaxNumberOfMessages=10, WaitTimeSeconds=20)["Messages"]]
        sqs.change_message_visibility(QueueUrl=dead, ReceiptHandle=handles[0], VisibilityTimeout=60)
        sqs.change_message_visibility_batch(QueueUrl=dead, Entries=[
            {"Id": "a", "ReceiptHandle": handles[1], "VisibilityTimeout": 60}])
        sqs.delete_message(QueueUrl=dead, ReceiptHandle=handles[0])
        sqs.delete_message_batch(QueueUrl=dead, Entries=[{"Id": str(n), "ReceiptHandle": handles[n]} for n in (1, 2)])
        for number in range(100):
            sqs.send_message(QueueUrl=dead, MessageBody=str(number))
        # One message a second, so that it is under way when it is cancelled.
        task = sqs.start_message_move_task(SourceArn=QUEUE + "dead", DestinationArn=QUEUE + "jobs",
                                           MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
        self.assertEqual(len(sqs.list_message_move_tasks(SourceArn=QUEUE + "dead")["Results"]), 1)
        sqs.cancel_message_move_task(TaskHandle=task)
        sqs.purge_queue(QueueUrl=url)
        sqs.delete_queue(QueueUrl=url)

    def use_topics(self):
        sns, receiver = self.clients["sns"], self.receiver()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        self.assertEqual(sns.list_topics()["Topics"], [{"TopicArn": topic}])
        sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Orders")
        self.assertEqual(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"], "Orders")
        sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        sns.untag_resource(ResourceArn=topic, TagKeys=["b"])
        self.assertEqual(sns.list_tags_for_resource(ResourceArn=topic)["Tags"], [{"Key": "a", "Value": "1"}])
        sns.add_permission(TopicArn=topic, Label="them", AWSAccountId=["111122223333"], ActionName=["Publish"])
        sns.remove_permission(TopicArn=topic, Label="them")
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
        self.until(receiver.taken, "it was not asked")
        arn = sns.confirm_subscription(TopicArn=topic, Token=json.loads(receiver.taken()[0].body)["Token"])["SubscriptionArn"]
        for listed in (sns.list_subscriptions(), sns.list_subscriptions_by_topic(TopicArn=topic)):
            self.assertEqual([each["SubscriptionArn"] for each in listed["Subscriptions"]], [arn])
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
        self.assertEqual(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["RawMessageDelivery"], "true")
        sns.publish(TopicArn=topic, Message="one")
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "two"}])
        self.until(lambda: sorted(each.body for each in receiver.taken())[:2] == [b"one", b"two"], "a message did not come")
        sns.unsubscribe(SubscriptionArn=arn)
        sns.delete_topic(TopicArn=topic)
