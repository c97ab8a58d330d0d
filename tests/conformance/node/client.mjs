// The main job with the TypeScript client: `node client.mjs URL`, the key in AMPOST_KEY. Prints what happened as JSON.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]), {
  requestInit: { headers: { Authorization: `Bearer ${process.env.AMPOST_KEY}` } },
});
const client = new Client({ name: "conformance", version: "1" });
await client.connect(transport);

const call = async (name, args, fails = false) => {
  const result = await client.callTool({ name, arguments: args });
  assert.equal(Boolean(result.isError), fails, JSON.stringify(result.structuredContent));
  return result.structuredContent;
};

// Listing first: from then on the client holds every answer against the tool's output schema.
const { tools } = await client.listTools();
const { sets } = await call("platform_sets_list", {});
const draft = { text: "Hello from TypeScript", platforms: ["threads", "linkedin"], platformSetId: sets[0].id };
const { post } = await call("posts_create", draft);
assert.equal((await call("posts_get", { postId: post.id })).post.status, "draft");
const published = (await call("posts_publish", { postId: post.id })).post;
assert.equal(published.status, "published");
const { error } = await call("posts_create", { ...draft, text: "x".repeat(501) }, true);
await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ tools: tools.length, status: published.status, refused: error.code }));
