"""What the runner was told, for all tests."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/genesys"
SAMPLES = ROOT.parent / "shared/genesys/samples"

BINARY = str(ROOT / "build/release/src/app/trunkline")
QUICK = False
PARTS_NOT_RUN = []  # (name, reason): parts of tests, said at the end
TIMES = []  # lines that say how long a load took; never asserted on


def say_not_run(name, reason):
    PARTS_NOT_RUN.append((name, reason))
