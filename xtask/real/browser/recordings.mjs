// Plays the recorded conversations at real hubs:  recordings.mjs record|compare
//
// Starts the hub that loadtest/recordings describes three times, with a login form, with an OAuth provider, and with a limit
// of starts, and lets hubrouter-loadtest do the work. The environment is that of run.mjs, and REAL_LOADTEST. No browser here.

import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Process, answers, freePorts } from "./processes.mjs";

const mode = process.argv[2];
const parts = resolve(process.env.REAL_PARTS);
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const recordings = join(root, "loadtest/recordings");
const loadtest = resolve(process.env.REAL_LOADTEST);
const state = join(resolve(process.env.REAL_OUTPUT), "state/recordings");
const logs = join(resolve(process.env.REAL_OUTPUT), "logs/recordings");
const bin = join(parts, "hub-6/bin");

rmSync(state, { recursive: true, force: true });

/** A real hub from the recordings' own configuration; its public address. */
async function hub(name, port, env) {
  const folder = join(state, name);
  mkdirSync(folder, { recursive: true });
  const path = `${bin}:${join(parts, "node/node_modules/.bin")}:${process.env.PATH}`;
  const config = join(recordings, "jupyterhub_config.py");
  const hub = new Process(
    name,
    join(logs, `${name}.log`),
    join(bin, "jupyterhub"),
    ["-f", config],
    { PATH: path, RECORD_PORT: `${port}`, ...env },
    folder,
  );
  hub.start();
  await answers(`http://127.0.0.1:${port}/hub/health`, hub);
  return `http://127.0.0.1:${port}`;
}

/** Runs hubrouter-loadtest in the open: its lines are the result. */
function play(target, more) {
  const kind = mode === "record" ? ["--out", recordings] : ["--recordings", recordings, "--one-per-group"];
  return new Promise((done) => {
    const player = spawn(loadtest, [mode, "--target", target, ...kind, ...more], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    player.once("exit", (code) => done(code ?? 1));
    player.once("error", () => done(1));
  });
}

const [providerPort] = await freePorts(1);
const provider = new Process("provider", join(logs, "provider.log"), loadtest, [
  ...["provider", "--user", "olga", "--port", `${providerPort}`],
]);
provider.start();
const usual = await hub("usual", (await freePorts(4))[0], {});
const withProvider = await hub("provider", (await freePorts(4))[0], {
  RECORD_PROVIDER: `http://127.0.0.1:${providerPort}`,
});
const withLimit = await hub("limit", (await freePorts(4))[0], { RECORD_SPAWN_LIMIT: "1" });
const codes = [
  await play(usual, []),
  await play(withProvider, ["--has", "provider"]),
  await play(withLimit, ["--has", "limit"]),
];
process.exit(codes.every((code) => code === 0) ? 0 : 1);
