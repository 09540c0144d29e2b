"""The SQS and SNS API over TLS, for clients that only know another endpoint and the CA."""
import json
import socket
import ssl
import urllib.request

from harness.certificates import Authority, run
from harness.process import free_address
from harness.sqs import ACCOUNT, SqsTest


class SqsTls(SqsTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.authority.issue("server")
        self.port = int(free_address().rsplit(":", 1)[1])
        self.secure = f"https://localhost:{self.port}"

    def start(self, start=True, root=None, **options):
        tls = {"cert": "server.pem", "key": "server.key", **(root or {}).pop("tls", {})}
        return super().start(start, root={"tls": tls, **(root or {})}, listen_tls=f"127.0.0.1:{self.port}", **options)

    def client(self, service, **options):
        return self.boto3(**{"endpoint_url": self.secure, "verify": str(self.authority.certificate), **options})(service)

    def context(self):
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    def serial(self):
        """Of the certificate that a new connection sees."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as raw, \
                self.context().wrap_socket(raw, server_hostname="localhost") as secure:
            return secure.getpeercert()["serialNumber"]

    def test_boto3_and_the_aws_cli_use_it_and_queues_are_the_same_ones_without_tls(self):
        hub = self.start()
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName="crm.fifo")["QueueUrl"]
        self.assertEqual(url, f"{self.secure}/{ACCOUNT}/crm.fifo")
        event = self.make.conversation("11111111-2222-4333-8444-555555555555")
        self.accepted(hub.post(event))
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
        self.assertEqual(json.loads(message["Body"]), event)
        plain = self.boto3()("sqs")
        self.assertEqual(plain.get_queue_url(QueueName="crm.fifo")["QueueUrl"], self.url("crm.fifo"))
        plain.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])  # an URL of either is good for both

        aws = self.aws_cli(self.secure, AWS_CA_BUNDLE=str(self.authority.certificate))
        made = aws("sqs", "create-queue", "--queue-name", "work")["QueueUrl"]
        self.assertEqual(made, f"{self.secure}/{ACCOUNT}/work")
        body = "x" * 200_000
        sent = sqs.send_message(QueueUrl=made, MessageBody=body)
        [got] = aws("sqs", "receive-message", "--wait-time-seconds", "20", "--queue-url", made)["Messages"]
        self.assertEqual((got["MessageId"], got["Body"]), (sent["MessageId"], body))
        hub.stop()

    def test_a_client_that_does_not_know_the_ca_or_speaks_no_tls_gets_nothing(self):
        self.start()
        known = self.client("sqs")  # skips where there is no boto3
        from botocore.config import Config  # pylint: disable=import-outside-toplevel
        from botocore.exceptions import ConnectionClosedError, SSLError  # pylint: disable=import-outside-toplevel
        once = {"config": Config(retries={"max_attempts": 0})}
        with self.assertRaises(SSLError):
            self.client("sqs", verify=True, **once).list_queues()
        with self.assertRaises(ConnectionClosedError):
            self.client("sqs", endpoint_url=f"http://localhost:{self.port}", **once).list_queues()
        self.assertEqual(len(known.list_queues()["QueueUrls"]), 2)

    def test_urls_of_a_notification_are_where_the_publisher_came_to(self):
        self.start()
        sqs, sns = self.client("sqs"), self.client("sns")
        url = sqs.create_queue(QueueName="orders")["QueueUrl"]
        topic = sns.create_topic(Name="orders")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders")
        sns.publish(TopicArn=topic, Message="paid")
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
        envelope = json.loads(message["Body"])
        self.assertTrue(envelope["UnsubscribeURL"].startswith(f"{self.secure}/?Action=Unsubscribe&"), envelope)
        self.assertTrue(envelope["SigningCertURL"].startswith(f"{self.secure}/"), envelope)
        with urllib.request.urlopen(envelope["SigningCertURL"], timeout=30, context=self.context()) as answer:
            self.assertIn(b"BEGIN CERTIFICATE", answer.read())

    def test_a_new_certificate_is_used_after_a_reload_and_clients_are_asked_for_none(self):
        Authority(self.directory, "clients")
        hub = self.start(root={"listen_tls": free_address(),
                               "tls": {"client_ca": "clients.pem", "client_auth": "require"}})
        first = self.serial()
        self.assertEqual(len(self.client("sqs").list_queues()["QueueUrls"]), 2)
        self.authority.issue("server")
        self.assertEqual(hub.client("reload").returncode, 0)
        self.until(lambda: self.serial() != first, "the new certificate is not used")
        told = run("x509", "-in", self.directory / "server.pem", "-noout", "-serial").decode()
        self.assertIn(self.serial(), told)
