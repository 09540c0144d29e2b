// Follows a live board with the EventSource of the npm package until an agent appears. In: {url, until} on standard
// input; out: the board, lists by id.
import { readFileSync } from "node:fs";
import { EventSource } from "eventsource";

const { url, until } = JSON.parse(readFileSync(0, "utf8"));
const board = { agents: {}, queues: {}, conversations: {} };
function apply(change) {
  for (const part in board) {
    for (const id of change.gone?.[part] ?? []) delete board[part][id];
    for (const item of change[part] ?? []) board[part][item.id] = item;
  }
  if (!(until in board.agents)) return;
  process.stdout.write(JSON.stringify(board), () => process.exit(0));
}
const source = new EventSource(url);
source.addEventListener("snapshot", (event) => {
  for (const part in board) board[part] = {};
  apply(JSON.parse(event.data));
});
source.addEventListener("delta", (event) => apply(JSON.parse(event.data)));
