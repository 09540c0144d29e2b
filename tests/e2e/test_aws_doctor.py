"""`trunkline aws doctor` where no account can be read; what it finds in one is tests/peers/aws_doctor, with moto's server."""
from harness.case import HubTest
from harness.process import command, free_address

NONE = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_REGION": "",
        "AWS_DEFAULT_REGION": ""}


class AwsDoctor(HubTest):
    def doctor(self, *arguments, **env):
        return command("aws", "doctor", *arguments, cwd=self.directory, env={**NONE, "HOME": str(self.directory), **env})

    def test_no_region_is_a_wrong_command_line_and_says_how_to_name_one(self):
        done = self.doctor()
        self.assertEqual(done.returncode, 2)
        self.assertIn("--region", done.stderr)

    def test_no_credentials_say_where_they_were_looked_for(self):
        done = self.doctor("--region", "eu-west-1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("AWS_ACCESS_KEY_ID", done.stderr)

    def test_nobody_answers(self):
        done = self.doctor("--region", "eu-west-1", AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret",
                           AWS_ENDPOINT_URL=f"http://{free_address()}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the account cannot be read", done.stderr)

    def test_our_own_listener_is_no_account_and_says_what_it_lacks(self):
        address = free_address()
        self.hub({"wfm": {"filter": {}}}, env={"SQS_SECRET": "s3cret"},
                 sqs={"listen": address, "region": "eu-west-1", "keys": {"id": "AKIDHUB", "secret": "${env:SQS_SECRET}"}})
        keys = {"AWS_ACCESS_KEY_ID": "AKIDHUB", "AWS_ENDPOINT_URL": f"http://{address}"}
        done = self.doctor("--region", "eu-west-1", AWS_SECRET_ACCESS_KEY="another", **keys)
        self.assertEqual(done.returncode, 1)
        self.assertIn("SignatureDoesNotMatch", done.stderr)
