"""`trunkline aws apply` and `destroy` where nothing can be deployed; with a CloudFormation it is tests/peers/aws_stack."""
import json

from harness.case import HubTest
from harness.process import command, free_address

NONE = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_REGION": "",
        "AWS_DEFAULT_REGION": ""}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


class AwsApply(HubTest):
    def setUp(self):
        super().setUp()
        self.configure("https://sqs.eu-west-1.amazonaws.com/111122223333/genesys-events")

    def configure(self, url, **sqs):
        (self.directory / "trunkline.yaml").write_text(json.dumps({
            "sources": {"genesys": {"kind": "sqs", "sqs": {"queue_url": url, "event_bus": "genesys", **sqs}}},
            "consumers": {"crm": {"filter": {}, "order": "conversation"}}}))

    def aws(self, name, *arguments, **env):
        return command("aws", name, "-c", "trunkline.yaml", *arguments, cwd=self.directory, env={**NONE, "HOME": str(self.directory), **env})

    def test_no_credentials_say_where_they_were_looked_for(self):
        for name in ("apply", "destroy"):
            done = self.aws(name)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("AWS_ACCESS_KEY_ID", done.stderr)

    def test_a_queue_that_names_no_region_needs_one(self):
        self.configure("http://localhost:4566/000000000000/genesys-events")
        done = self.aws("apply", **KEYS)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--region", done.stderr)

    def test_another_region_than_the_queue_s_is_refused(self):
        done = self.aws("apply", "--region", "us-east-1", **KEYS)
        self.assertEqual(done.returncode, 2)
        self.assertIn("the queues of the sources are in eu-west-1", done.stderr)

    def test_a_configuration_that_cannot_be_deployed_calls_nobody(self):
        self.configure("https://sqs.eu-west-1.amazonaws.com/111122223333/genesys-events.fifo")
        for name in ("apply", "destroy"):
            done = self.aws(name, **KEYS, AWS_ENDPOINT_URL=f"http://{free_address()}")
            self.assertEqual(done.returncode, 2)
            self.assertIn("one message group", done.stderr)
        done = command("aws", "apply", "-c", "missing.yaml", cwd=self.directory, env=NONE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("missing.yaml", done.stderr)

    def test_code_is_a_place_of_s3(self):
        done = self.aws("apply", "--code", "function.zip", **KEYS, AWS_ENDPOINT_URL=f"http://{free_address()}")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("'function.zip' is no s3://BUCKET/KEY", done.stderr)

    def test_nobody_answers(self):
        done = self.aws("destroy", "--yes", **KEYS, AWS_ENDPOINT_URL=f"http://{free_address()}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("sts", done.stderr)

    def test_help_says_what_is_asked_and_what_stays(self):
        shown = command("aws", "apply", "--help").stdout
        self.assertIn("--dry-run", shown)
        self.assertIn("--code", shown)
        self.assertIn("--even-with-messages", command("aws", "destroy", "--help").stdout)
