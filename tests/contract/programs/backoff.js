// The OpenAI SDK of Node.js, as it is, where the limit is spent: it waits and is answered.
//   node backoff.js ADDRESS      the key is in the environment
const OpenAI = require('openai');

const address = process.argv[2];
const headers = { Authorization: `Bearer ${process.env.OPENAI_API_KEY}` };
const statuses = [];
const client = new OpenAI({
  baseURL: `${address}/v1`,
  fetch: async (url, init) => {
    const answer = await fetch(url, init);
    statuses.push(answer.status);
    return answer;
  },
});

async function main() {
  while ((await fetch(`${address}/v1/models`, { headers })).status !== 429);
  await client.completions.create({ model: 'facebook/opt-125m', prompt: 'The future', max_tokens: 2 });
  console.log(JSON.stringify(statuses));
}

main();
