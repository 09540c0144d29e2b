// What a live consumer's feed has told of agents, queues and conversations: a snapshot, then what changes.

import { short } from "./format";

export interface Item {
  id: string;
  stale: boolean;  // nothing was heard of it for long
}
export interface Agent extends Item {
  name: string | null;
  presence: string | null;
  presenceSince: string | null;
  routingStatus: string | null;
  routingStatusSince: string | null;
  conversation: string | null;
  conversationState: string | null;
  conversationSince: string | null;
}
export interface Queue extends Item {
  name: string | null;
  waiting: number;
  interacting: number;
  oldestWaitingSince: string | null;
  answered: number;
  abandoned: number;
  serviceLevel: number | null;  // percent
}
export interface Conversation extends Item {
  media: string | null;
  direction: string | null;
  queue: string | null;
  agent: string | null;
  state: string;
  since: string | null;
}
interface Change {
  agents?: Agent[];
  queues?: Queue[];
  conversations?: Conversation[];
  gone?: { agents?: string[]; queues?: string[]; conversations?: string[] };
}

export interface Look {
  word: string;
  tone: "good" | "busy" | "warn" | "off";
}
const kConversationLooks: Record<string, Look> = {
  alerting: { word: "ringing", tone: "warn" },
  connected: { word: "talking", tone: "busy" },
  hold: { word: "on hold", tone: "warn" },
  wrapup: { word: "wrapping up", tone: "warn" },
};
const kRoutingLooks: Record<string, Look> = {
  IDLE: { word: "free", tone: "good" },
  INTERACTING: { word: "talking", tone: "busy" },
  COMMUNICATING: { word: "talking", tone: "busy" },
  NOT_RESPONDING: { word: "not answering", tone: "warn" },
};
export const kStateWords: Record<string, string> = {
  ivr: "in a flow", waiting: "waiting", alerting: "ringing", connected: "talking", hold: "on hold", wrapup: "wrapping up",
};

export function nameOf(item: { id: string; name: string | null }): string {
  return item.name ?? short(item.id);
}

export function presenceWord(agent: Agent): string {
  return (agent.presence ?? "").replace(/_/g, " ").toLowerCase();
}

export function lookOf(agent: Agent): Look {
  if (agent.conversationState) {
    const look = kConversationLooks[agent.conversationState];
    if (look) return look;
  }
  if (agent.routingStatus && kRoutingLooks[agent.routingStatus]) return kRoutingLooks[agent.routingStatus];
  return { word: presenceWord(agent) || "unknown", tone: "off" };
}

export function isThere(agent: Agent): boolean {
  return (agent.presence ?? "").toUpperCase() !== "OFFLINE" && (agent.presence !== null || agent.routingStatus !== null);
}

export function sinceOf(agent: Agent): string | null {
  return agent.conversationState ? agent.conversationSince : agent.routingStatusSince ?? agent.presenceSince;
}

export class LiveBoard {
  readonly agents = new Map<string, Agent>();
  readonly queues = new Map<string, Queue>();
  readonly conversations = new Map<string, Conversation>();
  private newest = 0;  // of all times that the feed has told

  // Whether the event of that name was one of the board's.
  take(name: string, data: string): boolean {
    if (name !== "snapshot" && name !== "delta") return false;
    const change: Change = JSON.parse(data);
    if (name === "snapshot") this.clear();
    for (const id of change.gone?.agents ?? []) this.agents.delete(id);
    for (const id of change.gone?.queues ?? []) this.queues.delete(id);
    for (const id of change.gone?.conversations ?? []) this.conversations.delete(id);
    for (const agent of change.agents ?? []) this.hear(this.agents, agent, sinceOf(agent));
    for (const queue of change.queues ?? []) this.hear(this.queues, queue, queue.oldestWaitingSince);
    for (const each of change.conversations ?? []) this.hear(this.conversations, each, each.since);
    return true;
  }

  clear(): void {
    for (const part of [this.agents, this.queues, this.conversations]) part.clear();
  }

  // Events of a simulation have a time of their own; those of a contact centre are of now.
  now(): number {
    const wall = Date.now();
    return Math.abs(wall - this.newest) < 10 * 60_000 ? wall : this.newest;
  }

  private hear<T extends Item>(part: Map<string, T>, item: T, since: string | null): void {
    part.set(item.id, item);
    const time = Date.parse(since ?? "");
    if (time > this.newest) this.newest = time;
  }
}
