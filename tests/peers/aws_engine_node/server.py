"""moto's server on a free port, which is written to the file that is named. Calls of DynamoDB go one after the other: moto
undoes a refused transaction by putting back a copy of the whole table, and takes away with it what others have written
meanwhile. So do looks of ReceiveMessage: moto asks once, and without a lock, which message groups are taken, so that two at a
time would share the messages of one; when several of a group end their visibility timeout one after the other, it gives out the
last first; and its long poll does not look again where a group was freed.

GET /cut?at=N&after=0|1&dead=0|1 counts the calls from now on and cuts the connection of the Nth: before it is done, or
after it and without its answer. Where the caller is then dead all later ones are cut, too, before. GET /cut?at=0 ends that;
GET /cut answers with the number of calls since, and whether one was cut."""
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

from moto.server import DomainDispatcherApplication, create_backend_app
from moto.sqs.models import SQSBackend
from werkzeug.serving import make_server


RECEIVING = threading.Lock()
look = SQSBackend.receive_message


def receive(self, queue_name, count, wait_seconds, *more, **named):
    end = time.monotonic() + wait_seconds
    while True:
        with RECEIVING:
            queue = self.get_queue(queue_name)
            for message in queue.messages:  # those that can be seen are not in flight, none of a group
                queue.pending_messages.discard(message)
            found = look(self, queue_name, count, 0, *more, **named)
        if found or time.monotonic() >= end:
            return found
        time.sleep(0.02)


SQSBackend.receive_message = receive


class Between:
    def __init__(self, app):
        self.app = app
        self.one_at_a_time = threading.Lock()
        self.lock = threading.Lock()  # of what follows
        self.at = self.count = 0
        self.after = self.dead = self.was_cut = False

    def control(self, environ, start_response):
        asked = dict(urllib.parse.parse_qsl(environ.get("QUERY_STRING", "")))
        with self.lock:
            if "at" in asked:
                self.at, self.count, self.was_cut = int(asked["at"]), 0, False
                self.after, self.dead = asked.get("after") == "1", asked.get("dead") == "1"
            answer = json.dumps({"calls": self.count, "cut": self.was_cut}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    def fate(self):
        """Of a call: whether it is to be done, and whether it is to be answered."""
        with self.lock:
            if self.at == 0:
                return True, True
            self.count += 1
            if self.count == self.at:
                self.was_cut = True
                return self.after, False
            gone = self.dead and self.was_cut
            return not gone, not gone

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/cut":
            return self.control(environ, start_response)
        done, answered = self.fate()
        answer = []
        if done and environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            with self.one_at_a_time:
                answer = list(self.app(environ, start_response if answered else lambda *_: None))
        elif done:
            answer = self.app(environ, start_response if answered else lambda *_: None)
        if answered:
            return answer
        for _ in answer:
            pass
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("cut")


server = make_server("127.0.0.1", 0, Between(DomainDispatcherApplication(create_backend_app)), threaded=True)
with open(sys.argv[1] + ".new", "w") as out:
    out.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
