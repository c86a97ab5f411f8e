// A user without a browser: cookies, redirects and the login form as a browser has them, each request at the next
// replica in turn. Fast enough for many at once; what a page looks like is for people with a real browser.

import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { PASSWORD } from "../site.mjs";

const MOST_REDIRECTS = 15;
const PATIENCE = 60_000; // ms, for one answer

export class Visitor {
  constructor(name, site) {
    Object.assign(this, { name, site, jar: new Map(), turn: 0 });
  }

  /** One request at the next replica, or the one named. Never throws: what did not answer has the status 0. */
  async ask(path, { method = "GET", form, replica, script = false } = {}) {
    const number = replica ?? this.turn++ % this.site.ports.length;
    const headers = { Host: this.site.host, "User-Agent": "a visitor", "X-Hubrouter-Debug": "1" };
    const cookies = this.cookiesFor(path.split("?")[0]);
    if (cookies) headers.Cookie = cookies;
    if (script) headers.Accept = "application/json";
    else Object.assign(headers, navigation(this.site.origin));
    const body = form && new URLSearchParams(form).toString();
    if (body) headers["Content-Type"] = "application/x-www-form-urlencoded";
    if (body) headers["Content-Length"] = Buffer.byteLength(body);
    const to = { host: "127.0.0.1", port: this.site.ports[number], method, path, headers };
    const answer = await send(to, body);
    for (const line of answer.headers["set-cookie"] ?? []) this.keep(line);
    const hub = /hub=([^;\s]+)/.exec(answer.headers["x-hubrouter-why"] ?? "")?.[1];
    return { ...answer, replica: number, hub, path, at: Date.now() };
  }

  /** Like `ask`, and goes where redirects lead. */
  async open(path, options = {}) {
    let answer = await this.ask(path, options);
    for (let hops = 0; answer.headers.location && answer.status < 400; hops += 1) {
      if (hops === MOST_REDIRECTS) return { ...answer, status: 0, body: `more than ${MOST_REDIRECTS} redirects` };
      const to = new URL(answer.headers.location, this.site.origin + answer.path);
      answer = await this.ask(to.pathname + to.search, { replica: options.replica });
    }
    return answer;
  }

  /** Opens the login; the last answer is the page behind it, or what kept it from coming. */
  async logIn(next = "/hub/home") {
    return this.past(await this.open(`/hub/login?next=${encodeURIComponent(next)}`));
  }

  /** Fills in the login form if `page` is one, and goes on. */
  async past(page) {
    const token = formToken(page);
    if (token === undefined) return page;
    const form = { username: this.name, password: PASSWORD, _xsrf: token };
    return this.open(page.path, { method: "POST", form });
  }

  /** A login that has worked. */
  async isLoggedIn() {
    const page = await this.logIn();
    if (page.status !== 200 || !page.body.includes("hub/logout")) throw wrong(`${this.name} cannot log in`, page);
    return page;
  }

  /** Asks for a server, and logs in where the hub that is to start it wants that. `isTaken` says what came of it. */
  async start() {
    return this.past(await this.open("/hub/spawn"));
  }

  /** Opens the own server once it is there; says which hub started it. */
  async arrives(seconds = 40) {
    let page;
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(300)) {
      page = await this.open(`/user/${this.name}/`);
      const started = /id="hub">([^<]+)</.exec(page.body)?.[1];
      if (page.status === 200 && started) return started;
    }
    throw wrong(`${this.name}'s server does not open`, page);
  }

  /**
   * Starts and logs in, again and again as a person would, until the server runs; says which hub started it. When a hub
   * took the start stands in `landedAt`.
   */
  async works(seconds = 40) {
    const end = Date.now() + seconds * 1000;
    let page;
    while (Date.now() < end) {
      page = await this.start();
      if (isTaken(page)) {
        this.landedAt = Date.now();
        return this.arrives(seconds);
      }
      await sleep(300);
    }
    throw wrong(`${this.name} cannot start a server`, page);
  }

  keep(line) {
    const [pair, ...attributes] = line.split(";").map((part) => part.trim());
    const [name, value] = split(pair);
    const said = new Map(attributes.map((one) => [split(one)[0].toLowerCase(), split(one)[1]]));
    const path = said.get("path") ?? "/";
    const over = said.get("max-age") === "0" || (said.has("expires") && Date.parse(said.get("expires")) < Date.now());
    if (over) this.jar.delete(`${name} ${path}`);
    else this.jar.set(`${name} ${path}`, { name, value, path });
  }

  cookiesFor(path) {
    const fits = (cookie) =>
      path === cookie.path || path.startsWith(cookie.path.endsWith("/") ? cookie.path : `${cookie.path}/`);
    const fitting = [...this.jar.values()].filter(fits).sort((a, b) => b.path.length - a.path.length);
    return fitting.map(({ name, value }) => `${name}=${value}`).join("; ");
  }
}

/** A hub has taken a start: its server is on its way, or runs. */
export function isTaken(page) {
  const leads = page.path.startsWith("/hub/spawn-pending/") || page.path.startsWith("/user/");
  return page.status === 200 && leads && formToken(page) === undefined;
}

/** The token of the login form; undefined where there is none. */
function formToken(page) {
  if (page.status !== 200 || !page.body.includes('id="username_input"')) return undefined;
  const token = /name="_xsrf"\s+value="([^"]*)"/.exec(page.body)?.[1];
  return token === undefined ? undefined : unescape(token);
}

/** An error that says what came instead. */
export function wrong(what, page) {
  const text = (page?.body ?? "").replace(/<(style|script)[\s\S]*?<\/\1>/g, "").replace(/<[^>]+>/g, " ");
  const came = page ? `${page.path} at replica ${page.replica}, hub ${page.hub}: ${page.status}` : "nothing";
  return new Error(`${what} (${came}: ${text.replace(/\s+/g, " ").trim().slice(0, 240)})`);
}

function navigation(origin) {
  return {
    Accept: "text/html,application/xhtml+xml",
    Origin: origin,
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
  };
}

/** One request on a connection of its own; what did not answer has the status 0. */
export function send(options, body) {
  return new Promise((resolve) => {
    const failed = (error) => resolve({ status: 0, headers: {}, body: error.message });
    const sent = request({ ...options, agent: false, timeout: PATIENCE }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: text }));
      answer.on("error", failed);
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.on("error", failed);
    sent.end(body);
  });
}

function split(text) {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function unescape(text) {
  const letters = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => letters[entity]);
}
