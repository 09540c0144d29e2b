"""What a contact centre's events come to, told one after the other in their own order: another way to the live board."""
import datetime


def millis(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


class Call:
    def __init__(self):
        self.customers = set()
        self.seen_customer = False
        self.outbound = False
        self.flow = None  # session
        self.flow_since = 0
        self.mailbox = False
        self.acd = {}  # session: (queue, since)
        self.users = {}  # session: [user, queue, state, since]
        self.after = None  # [session, user, queue, since]: whose after-call work is not done
        self.alone_since = 0

    def shown(self):
        """(state, queue, agent) or None."""
        if self.seen_customer and not self.customers:
            return ("wrapup", self.after[2], self.after[1]) if self.after else None
        order = {"connected": 2, "hold": 2, "alerting": 1}
        here = [user for user in self.users.values() if user[2] in order]
        if here:
            user, queue, state, _ = max(here, key=lambda each: (order[each[2]], each[3], ))
            return (state, queue, user)
        if self.acd:
            return ("waiting", max(self.acd.values(), key=lambda each: each[1])[0], None)
        return ("ivr", None, None) if self.customers else None


class ContactBoard:
    def __init__(self):
        self.calls = {}
        self.presence = {}
        self.routing = {}
        self.waits = {}  # queue: [(seconds, outcome)]

    def tell(self, event):
        topic = event["detail-type"]
        body = event["detail"]["eventBody"]
        if topic.startswith("v2.detail.events.conversation.{id}."):
            self._detail(topic.removeprefix("v2.detail.events.conversation.{id}."), body)
        elif topic == "v2.detail.events.agent.{id}.state":
            self._agent_state(body)
        elif topic == "v2.users.{id}.presence":
            user = event["detail"]["topicName"].split(".")[2]
            self._set(self.presence, user, body["presenceDefinition"]["systemPresence"], body["modifiedDate"])
        elif topic in ("v2.users.{id}.routingStatus", "v2.users.{id}.activity"):
            self._set(self.routing, body["id"], body["routingStatus"]["status"], body["routingStatus"]["startTime"])
            if "presence" in body:
                self._set(self.presence, body["id"], body["presence"]["presenceDefinition"]["systemPresence"],
                          body["presence"]["modifiedDate"])

    def _set(self, table, user, value, since):
        since = millis(since)
        if user not in table or since >= table[user][1]:
            table[user] = (value, since)

    def _agent_state(self, body):
        call = self.calls.setdefault(body["conversationId"], Call())
        state = {"ALERT": "alerting", "INTERACT": "connected", "HOLD": "hold"}.get(body["currentState"])
        user = call.users.get(body["sessionId"])
        if user and state:
            user[2:] = [state, body["currentStateStart"]]

    def _detail(self, what, body):
        call = self.calls.setdefault(body["conversationId"], Call())
        session, at = body.get("sessionId"), body["eventTime"]
        if what == "customer.start":
            call.customers.add(session)
            call.seen_customer = True
            call.after = None
            if body["direction"] == "OUTBOUND":
                for user in call.users.values():
                    if user[1] is None:
                        user[2:] = ["connected", at]
        elif what == "customer.end":
            call.seen_customer = True
            call.customers.discard(session)
            talking = [(key, user) for key, user in call.users.items() if user[2] != "alerting"]
            if talking and not call.customers:
                key, user = max(talking, key=lambda each: each[1][3])
                call.after = [key, user[0], user[1], at]
        elif what == "acd.start":
            call.acd[session] = (body["queueId"], at)
        elif what == "acd.end":
            if session in call.acd:
                queue, since = call.acd.pop(session)
                self.waits.setdefault(queue, []).append(((at - since) / 1000, body["acdOutcome"]))
            for user in call.users.values():
                if user[0] == body.get("answeredUserId") and user[2] == "alerting":
                    user[2:] = ["connected", at]
        elif what == "user.start":
            call.users[session] = [body["userId"], body.get("queueId"), "alerting", at]
            if body["direction"] == "OUTBOUND" and not body.get("queueId") and call.customers:
                call.users[session][2] = "connected"
        elif what == "user.end":
            self._user_end(call, session, at, body)
        elif what in ("acw", "wrapup") and call.after and call.after[0] == session:
            call.after = None

    def _user_end(self, call, session, at, body):
        call.users.pop(session, None)
        if body["disconnectType"] == "CONSULT_TRANSFER":
            for user in call.users.values():
                if user[2] == "alerting":
                    user[2:] = ["connected", at]
        if body["interactingDurationMs"] > 0 and not (call.after and call.customers):
            call.after = [session, body["userId"], body.get("queueId"), at]

    def conversations(self):
        return {key: call.shown() for key, call in self.calls.items() if call.shown()}

    def queues(self):
        counts = {}
        for call in self.calls.values():
            state, queue, _ = call.shown() or (None, None, None)
            if queue:
                waiting, talking = counts.get(queue, (0, 0))
                counts[queue] = (waiting + (state == "waiting"), talking + (state in ("connected", "hold")))
        return counts

    def service_levels(self, within):
        """queue: (answered, abandoned, percent answered within so many seconds), of all that was told."""
        levels = {}
        for queue, waits in self.waits.items():
            answered = [seconds for seconds, outcome in waits if outcome == "ANSWERED"]
            abandoned = sum(outcome == "ABANDON" for _, outcome in waits)
            if answered or abandoned:
                in_time = sum(seconds <= within for seconds in answered)
                levels[queue] = (len(answered), abandoned, round(100 * in_time / (len(answered) + abandoned), 1))
        return levels
