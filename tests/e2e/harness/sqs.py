"""A hub that speaks SQS, and its clients."""
import datetime
import hashlib
import hmac
import importlib.util
import json
import os
import shutil
import subprocess

from harness.case import HubTest
from harness.process import free_address, request

KEY_ID = "AKIDTEST"
SECRET = "a-secret-access-key-of-the-tests"
ACCOUNT = "000000000000"


def signed(address, operation, body, secret=SECRET, key=KEY_ID, at=None, region="us-east-1", service="sqs"):
    """Headers of a JSON request, signed here by AWS Signature Version 4."""
    now = at or datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"content-type": "application/x-amz-json-1.0", "host": address, "x-amz-date": stamp,
               "x-amz-target": f"AmazonSQS.{operation}"}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    digest = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request", text):
        digest = hmac.new(digest, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, "
                                f"Signature={digest.hex()}")
    return headers


class SqsTest(HubTest):
    """A hub with the SQS API, the consumer wfm as a standard queue and crm as a FIFO queue."""
    def start(self, start=True, root=None, **options):
        """`options` of sqs, `root` of the configuration."""
        self.address = free_address()
        self.endpoint = f"http://{self.address}"
        sqs = {"listen": self.address, "keys": {"id": KEY_ID, "secret": "${env:SQS_SECRET}"}, **options}
        return self.hub({"wfm": {"filter": {}}, "crm": {"filter": {}, "order": "conversation"}}, sqs=sqs, start=start,
                        env={"SQS_SECRET": SECRET}, **(root or {}))

    def url(self, queue):
        return f"{self.endpoint}/{ACCOUNT}/{queue}"

    def call(self, operation, check=200, **members):
        body = json.dumps(members).encode()
        answer = request(self.address, "POST", "/", body, signed(self.address, operation, body))
        self.assertEqual(answer.status, check, answer)
        return answer.json if answer.body else {}

    def batch(self, operation, queue, messages, **members):
        """Until all are done: after a restart what was in flight is read back first, and an entry may be told to wait."""
        left = {str(number): message["ReceiptHandle"] for number, message in enumerate(messages)}

        def all_done():
            entries = [{"Id": each, "ReceiptHandle": handle, **members} for each, handle in left.items()]
            done = self.call(operation, QueueUrl=self.url(queue), Entries=entries)
            self.assertTrue(all(entry["Code"] == "ServiceUnavailable" for entry in done["Failed"]), done)
            for entry in done["Successful"]:
                del left[entry["Id"]]
            return not left

        self.until(all_done, f"{operation} did not end")

    def take(self, queue, count):
        """Receives and deletes until that many have come."""
        bodies = []
        while len(bodies) < count:
            got = self.call("ReceiveMessage", QueueUrl=self.url(queue), MaxNumberOfMessages=10, WaitTimeSeconds=20)
            self.assertIn("Messages", got, f"{len(bodies)} of {count} came")
            for message in got["Messages"]:
                bodies.append(message["Body"])
                self.call("DeleteMessage", QueueUrl=self.url(queue), ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def boto3(self, secret=SECRET, **options):
        if importlib.util.find_spec("boto3") is None:
            self.skipTest("python3-boto3 is not here")
        import boto3  # pylint: disable=import-outside-toplevel
        session = boto3.session.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=secret, region_name="us-east-1")
        return lambda service: session.client(service, **{"endpoint_url": self.endpoint, **options})

    def aws_cli(self, endpoint=None, **more):
        if not shutil.which("aws"):
            self.skipTest("awscli is not here")
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "AWS_ACCESS_KEY_ID": KEY_ID,
               "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", **more}

        def aws(*arguments):
            done = subprocess.run(["aws", "--endpoint-url", endpoint or self.endpoint, "--output", "json", *arguments],
                                  capture_output=True, timeout=120, env=env)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            return json.loads(done.stdout) if done.stdout.strip() else {}

        return aws
