"""HTTP by hand over a socket, for what no client library would send."""
import socket


class RawConnection:
    def __init__(self, address, timeout=15):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def read_to_end(self):
        """Everything until the peer closes."""
        while self._more():
            pass
        return self.buffer

    def read_answer(self):
        """(status, headers, body) of the next answer; None when the peer has closed instead."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        size = 0 if status < 200 else int(headers["content-length"])
        while len(self.buffer) < size:
            if not self._more():
                raise AssertionError("the body of an answer was cut short")
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return status, headers, body


def post(body, path="/ingest/genesys", key="test-key-1", headers=(), framing=True):
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"x-api-key: {key}", "Content-Type: application/json"]
    if framing:
        lines.append(f"Content-Length: {len(body)}")
    lines += headers
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body, size):
    out = b""
    for at in range(0, len(body), size):
        part = body[at:at + size]
        out += f"{len(part):x}\r\n".encode() + part + b"\r\n"
    return out + b"0\r\n\r\n"
