"""moto's server on a free port, which is written to the file that is named. Calls of DynamoDB go one after the other: moto
undoes a refused transaction by putting back a copy of the whole table, and takes away with it what others have written
meanwhile. So do looks of ReceiveMessage: moto asks once, and without a lock, which message groups are taken, so that two at a
time would share the messages of one; when several of a group end their visibility timeout one after the other, it gives out the
last first; and its long poll does not look again where a group was freed."""
import os
import sys
import threading
import time

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


class InTurn:
    def __init__(self, app):
        self.app = app
        self.one_at_a_time = threading.Lock()

    def __call__(self, environ, start_response):
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return self.app(environ, start_response)
        with self.one_at_a_time:
            return list(self.app(environ, start_response))


server = make_server("127.0.0.1", 0, InTurn(DomainDispatcherApplication(create_backend_app)), threaded=True)
with open(sys.argv[1] + ".new", "w") as out:
    out.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
