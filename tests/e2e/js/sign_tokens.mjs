// Makes an issuer's keys and signs tokens by the library jose. In: {keys: {kid: alg}, tokens: [{kid, alg?, header?, claims}]};
// `alg` is another than the key's own. Out: {jwks, tokens}. A token of kid "secret" is signed by HMAC with the first
// public key's JSON, as an attacker would.
import { readFileSync } from "node:fs";
import * as jose from "jose";

const { keys, tokens } = JSON.parse(readFileSync(0, "utf8"));
const pairs = {};
const jwks = [];
for (const [kid, alg] of Object.entries(keys)) {
  const pair = await jose.generateKeyPair(alg, { extractable: true });
  pairs[kid] = { alg, key: pair.privateKey };
  jwks.push({ ...(await jose.exportJWK(pair.publicKey)), kid, use: "sig" });
}
const signed = [];
for (const { kid, alg, header, claims } of tokens) {
  if (alg === "none") {
    signed.push(new jose.UnsecuredJWT(claims).encode());
    continue;
  }
  const secret = new TextEncoder().encode(JSON.stringify(jwks[0]));
  const [own, key] = kid === "secret" ? ["HS256", secret] : [pairs[kid].alg, pairs[kid].key];
  const protectedHeader = { alg: own, kid: kid === "secret" ? jwks[0].kid : kid, typ: "JWT", ...header };
  signed.push(await new jose.SignJWT(claims).setProtectedHeader(protectedHeader).sign(key, { crit: { b64: true } }));
}
process.stdout.write(JSON.stringify({ jwks: { keys: jwks }, tokens: signed }));
