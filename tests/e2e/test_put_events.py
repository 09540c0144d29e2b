"""Events that come by EventBridge's PutEvents."""
import datetime
import hashlib
import hmac
import importlib.util
import json

from harness.case import HubTest
from harness.process import free_address, request

KEY_ID = "AKIDTEST"
SECRET = "a-secret-access-key-of-the-tests"
REGION = "eu-west-1"


def signed(address, body, secret=SECRET):
    """Headers of a call, signed here by AWS Signature Version 4."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {"content-type": "application/x-amz-json-1.1", "host": address, "x-amz-date": stamp,
               "x-amz-target": "AWSEvents.PutEvents"}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{REGION}/events/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    digest = ("AWS4" + secret).encode()
    for part in (day, REGION, "events", "aws4_request", text):
        digest = hmac.new(digest, part.encode(), hashlib.sha256).digest()
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, "
                                        f"Signature={digest.hex()}"}


def entry(event, **members):
    return {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"]), **members}


class PutEvents(HubTest):
    def start(self):
        self.address = free_address()
        return self.hub({"all": {"filter": {}}}, env={"SQS_SECRET": SECRET}, sources={"bus": {"kind": "put_events"}},
                        sqs={"listen": self.address, "region": REGION,
                             "keys": {"id": KEY_ID, "secret": "${env:SQS_SECRET}"}})

    def put(self, entries, secret=SECRET):
        body = json.dumps({"Entries": entries}).encode()
        return request(self.address, "POST", "/", body, signed(self.address, body, secret))

    def test_each_entry_is_an_event_with_its_id_and_outlives_a_kill(self):
        hub = self.start()
        made = [self.make.conversation() for _ in range(3)]
        answer = self.put([entry(made[0]), entry(made[1], EventBusName="bus"), entry(made[2], EventBusName="other"),
                           {"Source": "s", "DetailType": "t", "Detail": "{}"}])
        self.assertEqual(answer.status, 200, answer)
        hub.kill()
        hub.start()
        first, second, other, foreign = answer.json["Entries"]
        self.assertEqual(answer.json["FailedEntryCount"], 1)
        self.assertEqual(other["ErrorCode"], "ResourceNotFoundException")
        [kept] = hub.api("GET", "/quarantine").json["entries"]
        self.assertEqual(kept["source"], "bus")
        self.assertTrue(foreign["EventId"])
        for result, event in ((first, made[0]), (second, made[1])):
            [found] = hub.api("GET", f"/why/{result['EventId']}").json["events"]
            self.assertEqual((found["envelope_id"], found["source"]), (result["EventId"], "bus"))
            self.assertIn(f'.{found["conversation_id"]}.', event["detail"]["topicName"] + ".")
        self.assertEqual(hub.post(made[0], source="bus", key=None).status, 503, "this source takes nothing over HTTP")
        self.assertIn("InvalidSignatureException", self.put([entry(made[0])], "another").body.decode())

    def test_boto3_puts_events(self):
        if importlib.util.find_spec("boto3") is None:
            self.skipTest("python3-boto3 is not here")
        import boto3  # pylint: disable=import-outside-toplevel
        hub = self.start()
        client = boto3.session.Session(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, region_name=REGION).client(
            "events", endpoint_url=f"http://{self.address}")
        result = client.put_events(Entries=[entry(self.make.conversation()) for _ in range(10)])
        self.assertEqual(result["FailedEntryCount"], 0)
        self.assertEqual(len({each["EventId"] for each in result["Entries"]}), 10)
        self.assertEqual(hub.metrics().get("trunkline_events_accepted_total"), 10)
        with self.assertRaisesRegex(client.exceptions.ClientError, "ValidationException"):
            client.put_events(Entries=[entry(self.make.conversation()) for _ in range(11)])
