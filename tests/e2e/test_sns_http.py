"""Topics of the SNS API deliver to HTTP endpoints: asked first, signed, tried again, over outages and kills."""
import base64
import importlib.util
import json
import ssl
import threading
import urllib.error
import urllib.request

from harness.case import HubTest
from harness.certificates import Authority
from harness.process import free_address
from harness.receiver import Receiver

KEY_ID = "AKIDTEST"
SECRET = "a-secret-access-key-of-the-tests"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:"
TOPIC = "arn:aws:sns:us-east-1:000000000000:"
SIGNED = {"Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
          "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
          "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")}


def kind(delivery):
    return delivery.headers["x-amz-sns-message-type"]


def visit(url):
    """As a receiver does: nothing but the URL that a message has."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def policy(**retry):
    return json.dumps({"healthyRetryPolicy": retry})


class SnsHttp(HubTest):
    def start(self, **sns):
        self.address = free_address()
        self.endpoint = f"http://{self.address}"
        return self.hub({}, sqs={"listen": self.address, "keys": {"id": KEY_ID, "secret": "${env:SQS_SECRET}"}},
                        sns={"allow_loopback": True, **sns}, env={"SQS_SECRET": SECRET})

    def boto3(self, **config):
        if importlib.util.find_spec("boto3") is None:
            self.skipTest("python3-boto3 is not here")
        import boto3  # pylint: disable=import-outside-toplevel
        from botocore.config import Config  # pylint: disable=import-outside-toplevel
        session = boto3.session.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name="us-east-1")
        return [session.client(service, endpoint_url=self.endpoint, config=Config(**config)) for service in ("sns", "sqs")]

    def confirming(self, answer=None, **options):
        """A receiver that visits the SubscribeURL of what asks it, and answers everything else as it is told to."""
        def take(delivery):
            if kind(delivery) == "SubscriptionConfirmation":
                visit(json.loads(delivery.body)["SubscribeURL"])
                return 200
            return answer(delivery) if answer else 200
        receiver = Receiver(take, **options)
        self.addCleanup(receiver.close)
        return receiver

    def subscribed(self, sns, topic, receiver, protocol="http", **attributes):
        arn = sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=receiver.url, Attributes=attributes,
                            ReturnSubscriptionArn=True)["SubscriptionArn"]
        self.until(lambda: self.pending(sns, arn) == "false", "it was not confirmed")
        return arn

    def pending(self, sns, arn):
        return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"]

    def notified(self, receiver):
        return [delivery for delivery in receiver.taken() if kind(delivery) == "Notification"]

    def messages(self, receiver):
        return [json.loads(delivery.body)["Message"] for delivery in self.notified(receiver)]

    def verify(self, body):
        # pylint: disable=import-outside-toplevel
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        key = x509.load_pem_x509_certificate(visit(body["SigningCertURL"]).encode()).public_key()
        text = "".join(f"{name}\n{body[name]}\n" for name in SIGNED[body["Type"]] if name in body).encode()
        digest = hashes.SHA256() if body["SignatureVersion"] == "2" else hashes.SHA1()
        key.verify(base64.b64decode(body["Signature"]), text, padding.PKCS1v15(), digest)
        with self.assertRaises(InvalidSignature):
            key.verify(base64.b64decode(body["Signature"]), text + b"x", padding.PKCS1v15(), digest)

    def test_every_message_to_an_endpoint_verifies_by_another_library(self):
        if importlib.util.find_spec("cryptography") is None:
            self.skipTest("python3-cryptography is not here")
        self.start()
        sns, _ = self.boto3()
        receiver = self.confirming()
        for version in ("1", "2"):
            topic = sns.create_topic(Name=f"v{version}", Attributes={"SignatureVersion": version})["TopicArn"]
            self.subscribed(sns, topic, receiver)
            sns.publish(TopicArn=topic, Message="caf\u00e9\n\"x\"", Subject="S")
        self.until(lambda: len(self.notified(receiver)) == 2, "a notification did not come")
        for delivery in self.notified(receiver):
            visit(json.loads(delivery.body)["UnsubscribeURL"])
        self.until(lambda: len(receiver.taken()) == 6, "an UnsubscribeConfirmation did not come")
        bodies = [json.loads(delivery.body) for delivery in receiver.taken()]
        self.assertEqual(sorted(body["Type"] + body["SignatureVersion"] for body in bodies),
                         sorted(name + version for name in SIGNED for version in ("1", "2")))
        for body in bodies:
            self.verify(body)

    def test_confirmed_by_the_api_and_told_apart_by_who_may_leave(self):
        self.start()
        sns, _ = self.boto3()
        receiver = self.receiver()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        self.assertEqual(sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)["SubscriptionArn"],
                         "pending confirmation")
        [listed] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.assertEqual((listed["SubscriptionArn"], listed["Protocol"], listed["Endpoint"]),
                         ("PendingConfirmation", "http", receiver.url))
        self.until(receiver.taken, "it was not asked")
        asked = json.loads(receiver.taken()[0].body)
        with self.assertRaises(sns.exceptions.InvalidParameterException):
            sns.confirm_subscription(TopicArn=topic, Token="0" * 64)
        arn = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"],
                                       AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
        attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        self.assertEqual((attributes["PendingConfirmation"], attributes["ConfirmationWasAuthenticated"]), ("false", "true"))
        self.assertEqual(json.loads(attributes["EffectiveDeliveryPolicy"])["healthyRetryPolicy"]["numRetries"], 3)
        sns.publish(TopicArn=topic, Message="one")
        self.until(lambda: self.messages(receiver) == ["one"], "it did not come")
        [notified] = self.notified(receiver)
        self.assertEqual((notified.headers["x-amz-sns-topic-arn"], notified.headers["x-amz-sns-subscription-arn"]),
                         (topic, arn))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            visit(json.loads(notified.body)["UnsubscribeURL"])
        self.assertEqual(refused.exception.code, 403)
        sns.unsubscribe(SubscriptionArn=arn)
        self.assertEqual(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"], [])

    def test_kills_and_outages_of_the_endpoint_lose_nothing(self):
        hub = self.start()
        sns, _ = self.boto3()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        receiver = self.confirming(lambda _: 503)
        arn = self.subscribed(sns, topic, receiver,
                              DeliveryPolicy=policy(numRetries=100, minDelayTarget=1, maxDelayTarget=1))
        sent = [str(number) for number in range(60)]
        for number in sent[:20]:
            sns.publish(TopicArn=topic, Message=number)
        self.until(lambda: len(receiver.deliveries()) > 20, "nothing was tried")
        hub.kill()
        hub.start()
        for number in sent[20:40]:
            sns.publish(TopicArn=topic, Message=number)
        # Killed at once after the answer, with most of them still to be delivered.
        hub.kill()
        receiver.change(lambda delivery: 200)
        hub.start()
        for number in sent[40:]:
            sns.publish(TopicArn=topic, Message=number)
        self.until(lambda: set(self.messages(receiver)) == set(sent), "a message is lost")
        self.assertEqual(self.pending(sns, arn), "false", "the confirmation is on disk")

    def test_connections_that_are_cut_are_tried_again(self):
        self.start()
        sns, _ = self.boto3()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        receiver = self.confirming()
        self.subscribed(sns, topic, receiver, DeliveryPolicy=policy(numRetries=100, minDelayTarget=1, maxDelayTarget=1))

        def cut(delivery):
            raise ConnectionError("taken, and never answered")
        receiver.change(cut)
        sent = [str(number) for number in range(10)]
        for number in sent:
            sns.publish(TopicArn=topic, Message=number)
        self.until(lambda: len(receiver.deliveries()) > 20, "each is not tried twice")
        receiver.change(lambda delivery: 200)
        self.until(lambda: set(self.messages(receiver)) == set(sent), "a message is lost")

    def test_what_no_retry_delivers_is_in_the_dead_letter_queue(self):
        self.start()
        sns, sqs = self.boto3()
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        topic = sns.create_topic(Name="orders")["TopicArn"]
        receiver = self.confirming(lambda delivery: 500 if b"retried" in delivery.body else 404)
        self.subscribed(sns, topic, receiver, RawMessageDelivery="true", DeliveryPolicy=policy(numRetries=2, numNoDelayRetries=2),
                        RedrivePolicy=json.dumps({"deadLetterTargetArn": QUEUE + "dead"}))
        for text in ("retried", "refused"):
            sns.publish(TopicArn=topic, Message=text,
                        MessageAttributes={"kind": {"DataType": "String", "StringValue": "new"}})
        found = {}
        while len(found) < 2:
            for message in sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=20, MaxNumberOfMessages=10,
                                               MessageAttributeNames=["All"])["Messages"]:
                found[message["Body"]] = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        self.assertEqual({body: (attributes["ErrorCode"], attributes["kind"]) for body, attributes in found.items()},
                         {"retried": ("500", "new"), "refused": ("404", "new")})
        tries = [delivery.body for delivery in receiver.deliveries() if kind(delivery) == "Notification"]
        self.assertEqual((tries.count(b"retried"), tries.count(b"refused")), (3, 1))

    def test_one_endpoint_that_hangs_holds_up_no_other(self):
        self.start()
        sns, _ = self.boto3()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        hang = threading.Event()
        self.addCleanup(hang.set)
        slow = self.confirming(lambda _: hang.wait(120) and 200 or 200)
        good = self.confirming()
        for receiver in (slow, good):
            self.subscribed(sns, topic, receiver)
        sent = [str(number) for number in range(100)]
        for number in sent:
            sns.publish(TopicArn=topic, Message=number)
        self.until(lambda: sorted(self.messages(good)) == sorted(sent), "the other one got not all")
        self.assertEqual(self.messages(slow), [])

    def test_https_is_verified(self):
        authority = Authority(self.directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("endpoint"))
        self.start(tls={"ca": str(authority.certificate)})
        sns, _ = self.boto3()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        receiver = self.confirming(tls=context)
        with self.assertRaises(sns.exceptions.InvalidParameterException):
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
        self.subscribed(sns, topic, receiver, protocol="https")
        sns.publish(TopicArn=topic, Message="one")
        self.until(lambda: self.messages(receiver) == ["one"], "it did not come")

    def test_this_machine_is_not_called_unless_it_is_allowed(self):
        hub = self.start(allow_loopback=False)
        sns, _ = self.boto3()
        topic = sns.create_topic(Name="orders")["TopicArn"]
        receiver = self.receiver()
        with self.assertRaises(sns.exceptions.InvalidParameterException) as refused:
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
        self.assertIn("sns.allow_loopback", str(refused.exception))
        # A name is looked at when it is called.
        by_name = receiver.url.replace("127.0.0.1", "localhost")
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=by_name,
                      Attributes={"DeliveryPolicy": policy(numRetries=0)})
        self.until(lambda: "reaches no HTTP endpoint" in hub.child.log.read_text(errors="replace"), "it was not given up")
        self.assertEqual(receiver.deliveries(), [])
