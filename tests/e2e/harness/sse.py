"""Server-Sent Events by hand over a socket, and a board kept from them as docs/sinks/live.md says."""
import json
import socket
import threading


class SseClient:
    """Reads a stream on a thread of its own until it ends or is closed."""

    def __init__(self, address, path, last_event_id=None, headers=()):
        host, port = address.rsplit(":", 1)
        self.events = []  # (id, event, data)
        self.comments = 0
        self.retry = None
        self.status = None
        self.headers = {}
        self.ended = None  # "properly" or "cut"
        self._changed = threading.Condition()
        self._socket = socket.create_connection((host, int(port)), 30)
        self._socket.settimeout(None)
        lines = [f"GET {path} HTTP/1.1", f"Host: {address}", "Accept: text/event-stream", *headers]
        if last_event_id is not None:
            lines.append(f"Last-Event-ID: {last_event_id}")
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._thread.join(10)

    def wait(self, condition, what, within=60):
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), within):
                raise AssertionError(f"after {within} s: {what}; got {[event[:2] for event in self.events]}")
            return self

    def _run(self):
        try:
            with self._socket.makefile("rb") as file:
                self.status = int(file.readline().split()[1])
                while (line := file.readline().strip()):
                    name, value = line.decode().split(":", 1)
                    self.headers[name.lower()] = value.strip()
                if "chunked" not in self.headers.get("transfer-encoding", ""):
                    return self._end("answered")
                self._read_events(file)
        except (OSError, ValueError, IndexError):
            self._end("cut")

    def _read_events(self, file):
        text = b""
        while True:
            line = file.readline()
            if not line:
                return self._end("cut")
            size = int(line, 16)
            if size == 0:
                return self._end("properly")
            text += file.read(size)
            file.readline()
            while b"\n\n" in text:
                event, text = text.split(b"\n\n", 1)
                self._take(event.decode())

    def _take(self, text):
        fields = {}
        for line in text.split("\n"):
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, value = line.split(": ", 1)
                fields[name] = value
        with self._changed:
            if "retry" in fields:
                self.retry = int(fields["retry"])
            if "data" in fields:
                self.events.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
            self._changed.notify_all()

    def _end(self, how):
        with self._changed:
            self.ended = how
            self._changed.notify_all()


PARTS = ("agents", "queues", "conversations")


def fold(events, board=None):
    """The board after these events, each list by id."""
    board = board or {part: {} for part in PARTS}
    for _, kind, data in events:
        if kind == "snapshot":
            board = {part: {} for part in PARTS}
        for part in PARTS:
            for gone in data.get("gone", {}).get(part, []):
                board[part].pop(gone, None)
            for item in data.get(part, []):
                board[part][item["id"]] = item
    return board
