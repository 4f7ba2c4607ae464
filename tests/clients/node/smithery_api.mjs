// Smithery's own client of its registry, @smithery/api, against Mooring: SMITHERY_BASE_URL, SMITHERY_API_KEY.
//
// Reads a list of [resource, method, arguments] from stdin; prints what each gave, a list for what has pages.
import { text } from "node:stream/consumers";
import Smithery from "@smithery/api";

const client = new Smithery({ maxRetries: 0 });

async function call([resource, method, ...parameters]) {
  try {
    const promise = client[resource][method](...parameters);
    if (method !== "list") return (await promise) ?? null;
    const pages = [];
    for await (const page of (await promise).iterPages()) pages.push(page.getPaginatedItems());
    return pages;
  } catch (error) {
    return { status: error.status, message: error.message };
  }
}

const answers = [];
for (const order of JSON.parse(await text(process.stdin))) answers.push(await call(order));
console.log(JSON.stringify(answers));
