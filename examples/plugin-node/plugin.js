// A plugin of claimsmith in Node. This file is what plugins/PROTOCOL.md asks of any plugin; what this one knows is in calendar.js.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { Ajv } from "ajv";
import { generate } from "selfsigned";
import { Calendar, CalendarError, configSchema, factsSchema, name, paramsSchema, problems, version } from "./calendar.js";

if (process.env.CLAIMSMITH_PLUGIN !== "claimsmith.plugin.v1") {
  console.error(`${name} is a plugin of claimsmith: declare it under plugins: in claimsmith.yaml`);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {}); // the host ends its plugins

/** Writes a log record. Values of questions and answers do not belong into it. */
const log = (level, message, attributes = {}) => console.error(JSON.stringify({ "@level": level, "@message": message, ...attributes }));
const json = (value) => Buffer.from(JSON.stringify(value));

class Status extends Error {
  constructor(kind, text) {
    super(text);
    this.kind = kind;
  }
}

// With AJV a schema is all that configuration and questions are checked with. In a configuration, a secret is the name of a file.
const ajv = new Ajv({ allErrors: true, strict: false });
const given = Object.entries(configSchema.properties).map(([key, schema]) => [schema.writeOnly ? key + "File" : key, schema]);
const fitsConfig = ajv.compile({ ...configSchema, properties: Object.fromEntries(given) });
const fitsParams = ajv.compile(paramsSchema);

/** The path of a problem: /people/2/name and a key that is missing there are people[2].name.key. */
function pathOf({ instancePath, params }) {
  const key = params.additionalProperty ?? params.missingProperty;
  const parts = instancePath.split("/").slice(1).concat(key ?? []);
  return parts.map((part) => (/^\d+$/.test(part) ? `[${part}]` : "." + part)).join("").replace(/^\./, "");
}

let calendar; // of the configuration that is in use

const describe = () => ({ name, version, configSchema: json(configSchema), paramsSchema: json(paramsSchema), factsSchema: json(factsSchema) });

function configure({ config, checkOnly }) {
  let parsed;
  try {
    parsed = JSON.parse(config);
  } catch {
    return { problems: [{ message: "it is not JSON" }] };
  }
  const found = fitsConfig(parsed) ? problems(parsed) : fitsConfig.errors.map((err) => ({ path: pathOf(err), message: err.message }));
  if (found.length > 0) return { problems: found };
  const next = new Calendar(parsed);
  if (!checkOnly) calendar = next;
  return { maxAgeMs: next.maxAge };
}

async function lookup({ params, fresh }) {
  if (!calendar) throw new Status("FAILED_PRECONDITION", "not configured");
  let question;
  try {
    question = JSON.parse(params);
  } catch {
    throw new Status("INVALID_ARGUMENT", "the question is not JSON");
  }
  if (!fitsParams(question)) throw new Status("INVALID_ARGUMENT", "the question does not fit the schema");
  const answer = await calendar.lookup(question, fresh);
  return { ...answer, facts: answer.facts && json(answer.facts) };
}

/** Makes a gRPC handler of a function. What it throws is answered in words that hold nobody. */
const method = (answer) => async (call, callback) => {
  try {
    callback(null, await answer(call.request));
  } catch (err) {
    const known = err instanceof Status || err instanceof CalendarError;
    if (!known) log("error", "a call went wrong", { exception: err.name, code: err.code });
    callback({ code: grpc.status[known ? err.kind : "INTERNAL"], details: known ? err.message : err.name });
  }
};

/** A service of one method whose messages are bytes. */
const bytes = (path) => {
  const as = (b) => b;
  return { call: { path, requestStream: false, responseStream: false, requestSerialize: as, requestDeserialize: as, responseSerialize: as, responseDeserialize: as } };
};

const server = new grpc.Server({ "grpc.max_receive_message_length": 4 << 20, "grpc.max_send_message_length": 4 << 20 });
const { claimsmith } = grpc.loadPackageDefinition(loadSync(fileURLToPath(new URL("lookup.proto", import.meta.url)), { longs: Number }));
server.addService(claimsmith.plugin.v1.LookupService.service, { Describe: method(describe), Configure: method(configure), Lookup: method(lookup) });
server.addService(bytes("/grpc.health.v1.Health/Check"), {
  call: method((request) => {
    if (request.toString("latin1") !== "\x0a\x06plugin") throw new Status("NOT_FOUND", "unknown service");
    return Buffer.from([8, 1]);
  }),
});
server.addService(bytes("/plugin.GRPCController/Shutdown"), {
  call: method(() => {
    server.tryShutdown(() => process.exit(0));
    setTimeout(() => process.exit(0), 1000); // the host may keep its connection
    return Buffer.alloc(0);
  }),
});

let credentials = grpc.ServerCredentials.createInsecure(); // declared with tls: off
let certificate = "";
if (process.env.PLUGIN_CLIENT_CERT) {
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec", algorithm: "sha256", extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] }],
  });
  const pair = { private_key: Buffer.from(made.private), cert_chain: Buffer.from(made.cert) };
  credentials = grpc.ServerCredentials.createSsl(Buffer.from(process.env.PLUGIN_CLIENT_CERT), [pair], true);
  certificate = made.cert.replace(/-----[^-]+-----|\s|=/g, "");
}
const socket = join(process.env.PLUGIN_UNIX_SOCKET_DIR, "plugin.sock");
server.bindAsync("unix:" + socket, credentials, (err) => {
  if (err) throw err;
  process.stdout.write(`1|1|unix|${socket}|grpc|${certificate}\n`);
});

const host = process.ppid;
setInterval(() => process.ppid !== host && process.exit(1), 1000).unref(); // where the system does not end it with its host
