// The site under test: real hubs, and the router in front of them.

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { Hub } from "./hub.mjs";
import { Process, answers, freePorts } from "./processes.mjs";

// Enough that every hub of any site is the home of some: who lives where is asked of the router, never assumed.
const NAMES = (
  "alice bob carol dave erin frank grace heidi ivan judy karl laura mia nico olga peggy quinn rupert sybil trent " +
  "ursula victor walter xenia yves zoe"
).split(" ");

export const PASSWORD = "a password that all users of the test share";

export class Site {
  /**
   * `hubs`: settings of each hub; `base_url`, `provider` (the OAuth provider's address), `services` are the site's.
   * Nothing runs yet afterwards, but homes are known.
   */
  static async plan(places, { hubs, base_url = "/", provider = null, services = {} }) {
    rmSync(places.state, { recursive: true, force: true });
    mkdirSync(places.state, { recursive: true });
    mkdirSync(places.logs, { recursive: true });
    const site = new this();
    const [port, adminPort] = await freePorts(2);
    Object.assign(site, { places, base_url, adminPort, spare: [...NAMES] });
    site.origin = `http://127.0.0.1:${port}`;
    site.root = site.origin + base_url;
    site.hubs = new Map();
    for (const settings of hubs) {
      const common = { base_url, provider, site: site.root, password: PASSWORD };
      site.hubs.set(settings.id, await Hub.create(places, { ...common, ...settings }));
    }
    site.writeConfig(port, services);
    return site;
  }

  writeConfig(port, services) {
    const { state } = this.places;
    const key = join(state, "session.key");
    writeFileSync(key, randomBytes(32).toString("hex"), { mode: 0o600 });
    const hubs = [...this.hubs.values()].map((hub) => {
      const token = join(state, `${hub.id}.token`);
      writeFileSync(token, hub.settings.api_token, { mode: 0o600 });
      return { id: hub.id, url: hub.url, hub_url: hub.hubUrl, api_token: { file: token } };
    });
    const config = {
      listen: [{ address: `127.0.0.1:${port}` }],
      admin: { address: `127.0.0.1:${this.adminPort}` },
      site: { base_url: this.base_url },
      hubs,
      services,
      placement: { seed: "the real hubs of the test" },
      session: { keys: [{ file: key }] },
      // Short, so that a killed hub is noticed while somebody watches.
      health: { interval: "1s", timeout: "1s", fall: 2, rise: 1 },
      telemetry: { log: { format: "text", level: "debug" } },
    };
    this.config = join(state, "hubrouter.yaml");
    writeFileSync(this.config, JSON.stringify(config, null, 2)); // JSON is YAML
  }

  /** The hub where `user` belongs, as the router's own command says. */
  home(user) {
    const words = ["explain", user, "--config", this.config, "--format", "json"];
    const told = spawnSync(this.places.router, words, { encoding: "utf8" });
    if (told.status !== 0) throw new Error(`hubrouter explain ${user}: ${told.stderr}${told.error ?? ""}`);
    return this.hubs.get(JSON.parse(told.stdout).hub);
  }

  /** A user nobody has taken yet, whose home is `hub`. */
  userAt(hub) {
    const index = this.spare.findIndex((name) => this.home(name) === hub);
    if (index < 0) throw new Error(`no name left whose home is ${hub.id}`);
    return this.spare.splice(index, 1)[0];
  }

  other(hub) {
    return [...this.hubs.values()].find((one) => one !== hub);
  }

  /** Starts the hubs side by side, then the router. */
  async start({ lab_users = [], slow_users = [], admins = ["admin"] }) {
    const people = { lab_users, slow_users, admins };
    await Promise.all([...this.hubs.values()].map((hub) => hub.start(people)));
    const secrets = new Set([...this.hubs.values()].map((hub) => hub.cookieSecret()));
    if (secrets.size !== this.hubs.size) throw new Error("two hubs share a cookie secret");
    this.router = new Process("router", join(this.places.logs, "router.log"), this.places.router, [
      "serve",
      "--config",
      this.config,
    ]);
    this.router.start();
    await answers(`http://127.0.0.1:${this.adminPort}/readyz`, this.router, 30);
  }

  /** An address of the site; `path` without the leading slash. */
  at(path) {
    return this.root + path;
  }
}
