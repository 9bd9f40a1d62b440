// Calls over HTTP, to set things up that would take long by hand.
import assert from "node:assert/strict";

const origin = () => new URL(process.env.GOCHAT_URL).origin;

export async function call(token, method, path, body) {
  const response = await fetch(`${origin()}/api${path}`, {
    method,
    headers: {
      "Accept-Language": "en",
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(answer.success, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer.data;
}

/** Logs a new user in who has no browser. */
export async function account(username, password = "correct horse") {
  await call(null, "POST", "/auth/register", { username, password });
  return call(null, "POST", "/auth/login", { username, password });
}

/** Sends texts in turn. */
export async function sendAll(token, conversationId, texts) {
  for (const content of texts) {
    await call(token, "POST", "/messages", { conversationId, content, messageType: "text", clientMsgId: crypto.randomUUID() });
  }
}
