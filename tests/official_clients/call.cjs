// Calls methods of customerio-node: one JSON request per line, one JSON answer per line.
const readline = require('node:readline');
const cio = require('customerio-node');

const url = process.argv[2];
const clients = {
  TrackClient: () => new cio.TrackClient('sandbox-site', 'sandbox-track-key', { url: `${url}/api/v1` }),
  APIClient: () => new cio.APIClient('sandbox-app-key', { url: `${url}/v1` }),
  PipelinesClient: () => new cio.PipelinesClient('sandbox-cdp-key', { url: `${url}/v1` }),
};

function methodsOf(name) {
  return Object.getOwnPropertyNames(cio[name].prototype).filter((method) => method !== 'constructor');
}

function made(argument) {
  const isNew = argument !== null && typeof argument === 'object' && '$new' in argument;
  return isNew ? new cio[argument.$new](...argument.arguments) : argument;
}

async function answer({ client, method, args }) {
  if (method === undefined) return { methods: Object.fromEntries(Object.keys(clients).map((name) => [name, methodsOf(name)])) };
  try {
    return { value: (await clients[client]()[method](...args.map(made))) ?? null };
  } catch (error) {
    return { error: String(error), status: error.statusCode ?? null };
  }
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
});
