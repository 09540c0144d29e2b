"""The simulator's ledger of answers, and a ledger of what a pulling client took."""
import json


def accepted_lines(path):
    """One dict per event that was answered 2xx."""
    with open(path) as file:
        names = file.readline().rstrip("\n").split("\t")[1:]
        assert names[0] == "verdict", names
        for line in file:
            yield dict(zip(names, line.rstrip("\n").split("\t")))


def messages_of(answer):
    """(sequence, the event's own bytes) of each message in the answer to a receive."""
    text, decoder, at, out = answer.decode(), json.JSONDecoder(), 0, []
    sequences = [message["sequence"] for lease in json.loads(text)["leases"] for message in lease["messages"]]
    for sequence in sequences:
        begin = text.index('"event":', text.index('"sequence":', at)) + len('"event":')
        _, at = decoder.raw_decode(text, begin)
        out.append((sequence, text[begin:at]))
    return out


class PullClient:
    """Takes all that a pulled consumer has and writes it as JSON lines, each event's bytes with `_sequence` behind."""

    def __init__(self, hub, consumer, path):
        self.hub = hub
        self.consumer = consumer
        self.taken = 0
        self._file = open(path, "w", encoding="utf-8")

    def take_some(self, wait_seconds=1):
        answer = self.hub.api("POST", f"/consumers/{self.consumer}/receive",
                              {"max_messages": 1000, "wait_seconds": wait_seconds})
        assert answer.status == 200, answer
        messages = messages_of(answer.body)
        if not messages:
            return 0
        for sequence, event in messages:
            line = " ".join(event.splitlines())
            self._file.write(f'{line[:-1]},"_sequence":{sequence}}}\n')
        receipts = [lease["receipt"] for lease in answer.json["leases"]]
        settled = self.hub.api("POST", f"/consumers/{self.consumer}/settle", {"receipts": receipts})
        assert settled.status == 200, settled
        self.taken += len(messages)
        return len(messages)

    def drain(self):
        while self.take_some():
            pass
        self.hub.drained(self.consumer)
        self._file.close()
