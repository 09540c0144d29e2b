// The last events as they are accepted, from the tap: a sample when there are many.

import { Stream, StreamState } from "./api";
import { byId, make, setText, show } from "./dom";
import { clock, count, short } from "./format";

interface Tapped {
  sequence: number;
  accepted_at: string;
  type: string;
  category: string;
  topic: string;
  consumers: string[];
  conversation_id?: string;
  user_id?: string;
  queue_id?: string;
}

const kShown = 14;
const kPerSecond = 6;  // more than that nobody reads

// v2.detail.events.conversation.{id}.customer.start → detail.events.conversation.customer.start
function topicWords(topic: string): string {
  return topic.replace(/^v2\./, "").replace(/\.(\{\w+\}|[0-9a-f]{8}-[0-9a-f-]{27})/g, "");
}

export class LastEvents {
  private readonly list = byId("event-rows");
  private state: StreamState = "closed";
  private leftOut = 0;
  private readonly stream = new Stream(`/api/v1/tap?rate=${kPerSecond}`, (name, data) => this.take(name, data), (state) => {
    this.state = state;
    show(byId("events"), state !== "absent");
    this.say();
  });

  follow(): void {
    if (this.state !== "absent") this.stream.start();
  }
  pause(): void {
    this.stream.stop();
  }

  private say(): void {
    const sampled = this.leftOut > 0 ? `a sample: ${count(this.leftOut)} more went by` : "";
    setText(byId("events-state"), this.state === "open" ? sampled : "connecting…");
  }

  private take(name: string, data: string): void {
    if (name === "sampled") {
      this.leftOut = JSON.parse(data).total;
      return this.say();
    }
    if (name !== "event") return;
    const event: Tapped = JSON.parse(data);
    const about = event.conversation_id ? `conversation ${short(event.conversation_id)}`
        : event.user_id ? `agent ${short(event.user_id)}` : event.queue_id ? `queue ${short(event.queue_id)}` : "";
    const targets = event.consumers.length > 0 ? `→ ${event.consumers.join(", ")}` : "→ nobody";
    this.list.prepend(make("li", { "data-category": event.category || "unknown" },
                           make("time", { datetime: event.accepted_at }, clock(new Date(event.accepted_at))),
                           make("span", { class: "topic", title: event.topic || event.type }, topicWords(event.topic || event.type)),
                           make("span", { class: "about" }, about), make("span", { class: "targets" }, targets)));
    while (this.list.children.length > kShown) this.list.lastElementChild?.remove();
    show(byId("events-empty"), false);
  }
}
