"""Damaged data directories: what is refused, what is said, and that nothing wrong is ever delivered."""
import hashlib
import json
import random

from harness.case import HubTest, http_sink

KIB = 1 << 10


class Damage(HubTest):
    def setUp(self):
        super().setUp()
        self.sink = self.receiver()
        self.now = self.hub({"crm": {"filter": {}, "paused": True, "order": "conversation",
                                     "sink": http_sink(self.sink.url, body="raw")}}, store={"memory_budget": "16MiB"})
        self.data = self.directory / "data"
        self.conversation = self.make.uuid()
        self.sent = {}

    def send(self, count, size=100):
        noise = random.Random(9)
        for _ in range(count):
            body = json.dumps(self.make.conversation(self.conversation, note=noise.randbytes(size // 2).hex())).encode()
            [sequence] = self.accepted(self.now.post(body))
            self.sent[sequence] = body

    def files(self, pattern):
        return sorted((file for file in self.data.rglob(pattern) if file.is_file()), key=lambda file: file.stat().st_size)

    def fingerprint(self):
        # RocksDB's own log of what it did, and its lock, are no data.
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files("*")
                if not file.name.startswith("LOG") and file.name != "LOCK"}

    def refused(self):
        """Starts; the hub must end by itself with a reason."""
        before = self.fingerprint()
        mark = len(self.now.child.tail(1 << 20))
        self.now.launch()
        self.until(lambda: not self.now.child.running() or (self.directory / "ready").exists(), "neither ready nor ended")
        self.assertFalse((self.directory / "ready").exists(), "it started on a damaged store")
        self.assertEqual(self.now.child.wait(60), 1)
        self.assertEqual(self.fingerprint(), before, "a refused directory is left untouched")
        return self.now.child.tail(1 << 20)[mark:]

    def flip(self, file, at):
        with open(file, "r+b") as handle:
            handle.seek(at)
            byte = handle.read(1)[0]
            handle.seek(at)
            handle.write(bytes([byte ^ 0x40]))

    def deliver_all(self):
        self.now.api("POST", "/consumers/crm/resume")
        self.now.drained("crm")
        for delivery in self.sink.taken():
            self.assertEqual(delivery.body, self.sent[delivery.sequences[0]])
        return self.sink.sequences()

    def test_a_flipped_bit_in_the_middle_of_the_write_ahead_log_is_refused(self):
        self.send(300)
        self.now.kill()
        log = self.files("*.log")[-1]
        self.flip(log, log.stat().st_size // 3)
        said = self.refused()
        self.assertIn("cannot start", said)
        self.assertRegex(said.lower(), "corrupt|damaged|checksum")

    def test_the_repaired_bit_brings_everything_back(self):
        self.send(300)
        self.now.kill()
        log = self.files("*.log")[-1]
        self.flip(log, log.stat().st_size // 3)
        self.refused()
        self.flip(log, log.stat().st_size // 3)
        self.now.start()
        self.assertEqual(self.deliver_all(), sorted(self.sent))

    def test_a_torn_tail_of_the_log_is_dropped_and_the_rest_is_served(self):
        self.send(300)
        self.now.kill()
        log = self.files("*.log")[-1]
        with open(log, "r+b") as handle:
            handle.truncate(log.stat().st_size - 11)
        self.now.start()
        self.send(1)  # and goes on
        delivered = self.deliver_all()
        self.assertEqual(delivered, sorted(delivered))
        self.assertLessEqual(set(list(sorted(self.sent))[:250]), set(delivered))

    def test_a_flipped_bit_in_a_table_is_never_delivered(self):
        self.send(60, size=400 * KIB)
        self.assertEqual(self.now.stop(), 0)
        tables = self.files("*.sst")
        self.assertGreater(len(tables), 0, "the test means to damage a table")
        self.flip(tables[-1], tables[-1].stat().st_size // 2)
        mark = len(self.now.child.tail(1 << 20))
        self.now.launch()
        ready = self.directory / "ready"
        self.until(lambda: not self.now.child.running() or ready.exists(), "neither ready nor ended")
        if ready.exists():
            # The table is opened, its blocks are checked when they are read.
            self.now.address = ready.read_text().strip()
            self.now.api("POST", "/consumers/crm/resume")
            log = self.now.child
            self.until(lambda: "corrupt" in log.tail(1 << 20)[mark:].lower() or not log.running(),
                       "nothing was said of the damage")
            for delivery in self.sink.taken():
                self.assertEqual(delivery.body, self.sent[delivery.sequences[0]])
            delivered = self.sink.sequences()
            self.assertEqual(delivered, sorted(self.sent)[:len(delivered)], "a lane stops at what cannot be read")
            self.assertLess(len(delivered), len(self.sent))
        else:
            self.assertRegex(log_text := self.now.child.tail(1 << 20)[mark:].lower(), "corrupt|damaged", log_text)

    def test_a_newer_format_is_refused_and_left_untouched(self):
        self.send(3)
        self.now.stop()
        [mark] = self.files("FORMAT")
        text = mark.read_text()
        self.assertRegex(text, r"^trunkline \d+\n$")
        mark.write_text("trunkline 9999\n")
        self.assertIn("9999", self.refused())
        mark.write_text(text)
        self.now.start()
        self.assertEqual(len(self.deliver_all()), 3)

    def test_a_directory_that_is_not_a_store_is_refused_and_left_untouched(self):
        self.now.stop()
        other = self.directory / "photos"
        other.mkdir()
        (other / "holiday.jpg").write_bytes(b"not yours")
        self.now.write_config({**self.config({"crm": {"filter": {}}}), "data_dir": "./photos"})
        self.data = other
        self.assertIn("photos", self.refused())
        self.assertEqual([file.name for file in other.rglob("*")], ["holiday.jpg"])
