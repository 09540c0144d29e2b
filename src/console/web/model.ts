// What the API answers, as far as the page reads it, and what can be told from two answers.

export interface Status {
  version: string;
  ready: boolean;
  reason: string;
  alarms_open?: number;
  started_at: string;
  uptime_seconds: number;
  events: { accepted: number; duplicates: number; conflicts: number; failed: number; in_quarantine: number };
  consumers: { count: number; paused: number; breaker_open: number; waiting: number; dead_letters: number; parked: number };
  store: { disk_bytes: number; disk_free_bytes: number; disk_budget_bytes: number };
  resident_bytes: number;
}

export interface Consumer {
  name: string;
  sink: string;
  target: string;
  order: string;
  paused: boolean;
  rest?: { by: string; reason: string; resumes_in_seconds: number | null } | null;
  waiting: number;
  in_flight: number;
  backing_off: number;
  parked: number;
  dead_letters: number;
  delivered: number;
  expired: number;
  oldest_waiting: string | null;
  oldest_waiting_seconds: number;
  expires_in_seconds?: number | null;
  drain?: { outlook: "empty" | "draining" | "growing" | "stalled"; seconds: number | null };
  recent?: { minute: Recent; quarter_hour: Recent };
  breaker?: "closed" | "open" | "half_open";
  shadow?: boolean;
  budget?: { used_up_until: string | null } | null;
  last_error?: { class: string; detail: string; at: string } | null;
}

export interface Recent {
  delivered: number;
  p50_millis: number | null;
  p99_millis: number | null;
}

export interface Receiver {
  name: string;
  mode: string;  // empty: it cannot be broken from here
  routed: number;
  delivered: number;
  out_of_order: number;
  repeated: number;
  lost: number;
  witness: string;
}
export interface Demo {
  accepted: number;
  modes: string[];
  receivers: Receiver[];
}

// Events a second from the growth of a counter. The hub's figures are up to a second old, so growth comes in steps: the
// rate is taken over the last few seconds. A counter that falls began anew with the hub.
export class Rate {
  private readonly seen: { at: number; total: number }[] = [];

  constructor(private readonly seconds = 4) {}

  add(total: number, at: number): number {
    if (this.seen.length > 0 && total < this.seen[this.seen.length - 1].total) this.seen.length = 0;
    this.seen.push({ at, total });
    while (this.seen.length > 2 && this.seen[1].at <= at - this.seconds * 1000) this.seen.shift();
    return this.value();
  }

  value(): number {
    if (this.seen.length < 2) return 0;
    const first = this.seen[0];
    const last = this.seen[this.seen.length - 1];
    return last.at > first.at ? ((last.total - first.total) * 1000) / (last.at - first.at) : 0;
  }
}

// Everything that came in for a consumer since the hub started, or was there then.
export function arrivedFor(consumer: Consumer): number {
  return consumer.delivered + consumer.expired + consumer.waiting + consumer.in_flight + consumer.backing_off +
      consumer.parked + consumer.dead_letters;
}

export function unsettled(consumer: Consumer): number {
  return consumer.waiting + consumer.in_flight + consumer.backing_off + consumer.parked;
}

const kErrors: Record<string, string> = {
  connect: "it cannot be reached",
  timeout: "it does not answer in time",
  cancelled: "the request was cut short",
  forbidden_address: "its address may not be called",
  client_full: "too many requests are open",
  disk_full: "its disk is full",
  permission: "the file may not be written",
  io_error: "its disk fails",
  http_401: "it does not accept our key (401)",
  http_403: "it forbids our requests (403)",
  http_404: "there is nothing at its address (404)",
  http_429: "it asks for patience (429)",
  http_500: "it fails (500)",
  http_502: "its proxy cannot reach it (502)",
  http_503: "it says it is unavailable (503)",
  http_504: "its proxy waits in vain for it (504)",
};

// Why a downstream does not take events, in words.
export function inWords(error: { class: string; detail: string } | null | undefined): string {
  if (!error) return "it does not take events";
  const known = kErrors[error.class];
  if (known) return known;
  if (error.class.startsWith("hec_")) return error.detail ? `Splunk says "${error.detail}"` : "Splunk refuses";
  if (error.class.startsWith("http_")) return `it answers ${error.class.slice(5)}`;
  return error.detail || error.class;
}

export interface State {
  tone: "good" | "busy" | "warn" | "bad" | "off";
  word: string;
  why: string;
}

const kSinks: Record<string, string> = {
  http: "webhook", splunk_hec: "Splunk HEC", elasticsearch: "Elasticsearch", syslog: "syslog", datadog: "Datadog", sentinel: "Sentinel", file: "files", live: "live feed", pulled: "pulled",
};

export function describe(consumer: Consumer): string {
  const order = consumer.order === "none" ? "any order" : `in order by ${consumer.order}`;
  return `${kSinks[consumer.sink] ?? consumer.sink} · ${order}`;
}

// What waits, in time: when it is delivered, when it is lost. Empty where nothing waits.
export function outlook(consumer: Consumer, age: (seconds: number) => string): string {
  const parts: string[] = [];
  if (consumer.drain?.outlook === "draining") parts.push(`delivered in ${age(consumer.drain.seconds ?? 0)}`);
  if (consumer.drain?.outlook === "growing") parts.push("more comes than goes");
  if (typeof consumer.expires_in_seconds === "number") parts.push(`the oldest expires in ${age(consumer.expires_in_seconds)}`);
  return parts.join(", ");
}

// How old events are when they are delivered. Empty where none was in the last minute.
export function lateness(consumer: Consumer): string {
  const minute = consumer.recent?.minute;
  if (!minute || minute.p50_millis === null || minute.p99_millis === null) return "";
  return `accepted to delivered in the last minute: half within ${minute.p50_millis} ms, 99 % within ${minute.p99_millis} ms`;
}

// One word for a consumer's state and a sentence why. The rates are events a second.
export function stateOf(consumer: Consumer, incoming: number, outgoing: number): State {
  if (consumer.paused) {
    const rest = consumer.rest;
    const by = rest?.by === "maintenance" ? "For maintenance" : rest?.by === "configuration" ? "By the configuration" : "By an operator";
    const reason = rest?.reason ? `: ${rest.reason}` : "";
    const minutes = Math.ceil((rest?.resumes_in_seconds ?? 0) / 60);
    const end = minutes > 0 ? ` Goes on in ${minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`}.` : "";
    return { tone: "off", word: "Paused", why: `${by}${reason}. Its events wait.${end}` };
  }
  if (consumer.shadow) {
    return { tone: "off", word: "Shadow", why: "Every request is rendered and counted, none is sent." };
  }
  if (consumer.budget?.used_up_until) {
    const at = new Date(consumer.budget.used_up_until).toISOString().slice(0, 16).replace("T", " ");
    return { tone: "warn", word: "Budget used up", why: `Goes on by itself at ${at} UTC. Its events wait.` };
  }
  if (consumer.breaker === "open") {
    return { tone: "bad", word: "Breaker open", why: `Downstream is out: ${inWords(consumer.last_error)}. Nothing is spent.` };
  }
  if (consumer.breaker === "half_open") {
    return { tone: "warn", word: "Probing", why: `One event is tried. Before: ${inWords(consumer.last_error)}.` };
  }
  if (consumer.parked > 0) {
    const lanes = consumer.parked === 1 ? "1 lane waits" : `${consumer.parked} lanes wait`;
    return { tone: "warn", word: "Parked lanes", why: `${lanes} behind a bad event for a redrive. The others go on.` };
  }
  if (consumer.backing_off > 0) {
    return { tone: "warn", word: "Retrying", why: `${consumer.backing_off} failed and will be tried again.` };
  }
  if (consumer.waiting > 0 && consumer.oldest_waiting_seconds >= 5) {
    if (consumer.sink === "pulled") return { tone: "busy", word: "Waiting", why: "For its client to receive." };
    if (outgoing < incoming * 0.95) {
      return { tone: "warn", word: "Falling behind", why: "It takes events slower than they come. They wait, none is lost." };
    }
    return { tone: "busy", word: "Catching up", why: "Events go out, oldest first." };
  }
  if (consumer.sink === "pulled") return { tone: "good", word: "Pulled", why: "Its client receives what comes." };
  return { tone: "good", word: "Delivering", why: "Everything goes out as it comes." };
}
