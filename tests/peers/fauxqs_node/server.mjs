// fauxqs on a free port of the loopback interface, which is written to the file that is named. Its own command listens on
// all interfaces.
import { renameSync, writeFileSync } from "node:fs";
import { register } from "node:module";

register("./string_arrays.mjs", import.meta.url);
const { buildApp } = await import("fauxqs");
const app = buildApp({ logger: false });
await app.listen({ port: 0, host: "127.0.0.1" });
writeFileSync(`${process.argv[2]}.new`, String(app.server.address().port));
renameSync(`${process.argv[2]}.new`, process.argv[2]);
