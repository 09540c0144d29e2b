// The hub's HTTP API: JSON answers, and streams of server-sent events. With a key, or a user and a password, where the hub
// wants one; as the Authorization header it lives in this tab's sessionStorage.

const kStored = "trunkline-authorization";

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export interface Credential {
  user: string;  // empty: `secret` is an API key
  secret: string;
}

let authorization = sessionStorage.getItem(kStored) ?? "";
let asked: Promise<void> | undefined;
let ask: (wrong: boolean) => Promise<Credential> = () => Promise.reject(new ApiError(401, "no key"));

export function onCredentialWanted(by: (wrong: boolean) => Promise<Credential>): void {
  ask = by;
}

// RFC 7617, in UTF-8.
function basic(user: string, password: string): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`;
}

// One dialog, however many requests were refused at the same time.
function renew(refused: string): Promise<void> {
  if (authorization !== refused) return Promise.resolve();
  asked ??= ask(refused !== "").then(({ user, secret }) => {
    authorization = user === "" ? `Bearer ${secret}` : basic(user, secret);
    sessionStorage.setItem(kStored, authorization);
    asked = undefined;
  });
  return asked;
}

// `answer` reads what came; asked again with another credential where the hub refuses the one at hand. X-Requested-With
// keeps the hub from offering Basic, for which the browser would open a window of its own.
async function send<T>(path: string, init: () => RequestInit, answer: (response: Response) => Promise<T>): Promise<T> {
  for (;;) {
    const used = authorization;
    const given = init();
    const headers = new Headers(given.headers);
    headers.set("X-Requested-With", "trunkline");
    if (used) headers.set("Authorization", used);
    const response = await fetch(path, { ...given, headers, cache: "no-store" });
    if (response.status !== 401) return answer(response);
    await renew(used);
  }
}

async function failure(response: Response): Promise<ApiError> {
  let message = `the hub answered ${response.status}`;
  try {
    message = (await response.json()).error.message ?? message;
  } catch {
    // Not the hub's own JSON: a proxy's page, or nothing.
  }
  return new ApiError(response.status, message);
}

// An answer that takes longer than this is no answer: the next second asks again.
const kPatience = 5000;

export async function call<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
  let timer = 0;
  const begin = (): RequestInit => {
    const control = new AbortController();
    timer = window.setTimeout(() => control.abort(), kPatience);
    const init: RequestInit = { method, signal: control.signal };
    if (body === undefined) return init;
    return { ...init, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  };
  try {
    return await send(path, begin, async (response) => {
      if (!response.ok) throw await failure(response);
      return response.json();
    });
  } finally {
    clearTimeout(timer);
  }
}

export type StreamState = "open" | "closed" | "absent";

// Server-sent events (HTML living standard, section 9.2) by fetch, since EventSource cannot send a key. Connects again
// by itself, after 1 s and up to 10 s; `absent` when the hub has no such stream.
export class Stream {
  private control: AbortController | undefined;
  private again = 0;
  private failures = 0;

  constructor(private readonly path: string, private readonly onEvent: (name: string, data: string) => void,
              private readonly onState: (state: StreamState) => void) {}

  // No effect while it runs, or waits before it tries again.
  start(): void {
    if (this.control || this.again !== 0) return;
    const control = new AbortController();
    this.control = control;
    void this.run(control);
  }

  stop(): void {
    clearTimeout(this.again);
    this.again = 0;
    this.control?.abort();
    this.control = undefined;
  }

  private async run(control: AbortController): Promise<void> {
    try {
      const begin = () => ({ headers: { Accept: "text/event-stream" }, signal: control.signal });
      const response = await send(this.path, begin, (each) => Promise.resolve(each));
      if (response.status === 404 || response.status === 405 || response.status === 501) return this.onState("absent");
      if (!response.ok || !response.body) throw await failure(response);
      this.failures = 0;
      this.onState("open");
      await this.read(response.body.getReader());
    } catch {
      // Refused, cut or unreachable: all end here, and all are tried again.
    }
    if (control !== this.control) return;
    this.onState("closed");
    this.control = undefined;
    this.failures += 1;
    this.again = window.setTimeout(() => {
      this.again = 0;
      this.start();
    }, Math.min(10_000, 500 * 2 ** this.failures));
  }

  private async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    const kEventMax = 16 << 20;  // characters; a longer event is no event of the hub's
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      if (rest.length > kEventMax) throw new Error("an event without an end");
      blocks.forEach((block) => this.dispatch(block));
    }
  }

  private dispatch(block: string): void {
    let name = "message";
    const data: string[] = [];
    for (const line of block.split(/\r?\n/)) {
      if (line.startsWith("event:")) name = line.slice(6).trim();
      if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    if (data.length > 0) this.onEvent(name, data.join("\n"));
  }
}
