"""The tests of the AWS engine that need an emulator: its contract suite and its own, run against the one that is named."""
import os
import re
import subprocess

from harness import settings


def built():
    """The module's tests, of the release build."""
    if given := os.environ.get("TRUNKLINE_AWS_ENGINE_TEST"):
        return given
    for command in (["cmake", "--preset", "release"],
                    ["cmake", "--build", "build/release", "--target", "trunkline_aws_engine_test"]):
        done = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the tests cannot be built:\n{(done.stdout + done.stderr)[-3000:]}")
    return settings.ROOT / "build/release/src/aws_engine/trunkline_aws_engine_test"


class Outcome:
    def __init__(self):
        self.passed = self.skipped = self.failed = 0

    def run(self, endpoint, chosen="*", left_out=None, **env):
        """One run of the binary. `chosen` is a filter of GoogleTest; `left_out` names tests with the reason why this emulator cannot
        show them."""
        for name, why in (left_out or {}).items():
            print(f"left out: {name}: {why}")
            chosen += (":" if "-" in chosen else "-") + name
        done = subprocess.run([built(), f"--gtest_filter={chosen}"], env={**os.environ, "TRUNKLINE_AWS_ENDPOINT": endpoint, **env},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
        print(done.stdout)
        passed, skipped, failed = (len(re.findall(rf"^\[  {word} \] Aws\S+ \(", done.stdout, re.M))
                                   for word in ("     OK", "SKIPPED", "FAILED "))
        if (done.returncode != 0 and failed == 0) or passed == 0:
            failed += 1  # it has ended in the middle, or was no test
        self.passed, self.skipped, self.failed = self.passed + passed, self.skipped + skipped, self.failed + failed

    def told(self):
        """Prints the closing lines; the exit code."""
        print(f"{self.skipped} skipped for capabilities that the engine says it lacks")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0
