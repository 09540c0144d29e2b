// Agents and queues as the live feed shows them: a snapshot, then what changes.

import { Consumer } from "./model";

export class Board {
  follow(_consumers: Consumer[]): void {}
  pause(): void {}
}
