// Two hubs with different cookie secrets whose users log in by form: most of what people do, and what they see when
// a hub dies.

import { setTimeout as sleep } from "node:timers/promises";
import { LAB, cellSaysHub, labIsOpen, newNotebook, runsCell, saves } from "../lab.mjs";
import { Person } from "../person.mjs";
import { eventually } from "../processes.mjs";
import { Site } from "../site.mjs";

export async function run({ places, browser, report }) {
  const site = await Site.plan(places, {
    hubs: [
      { id: "hub-a", environment: "hub-6", serves_whoami: true },
      { id: "hub-b", environment: "hub-6" },
    ],
    services: { whoami: "hub-a" },
  });
  const [a, b] = site.hubs.values();
  // Who works in JupyterLab is decided before the hubs start.
  const names = { atA: site.userAt(a), atB: site.userAt(b), slow: site.userAt(b), guest: site.userAt(a) };
  const adminsHub = site.home("admin");
  const awayHub = site.other(adminsHub);
  const awayUser = awayHub === a ? names.atA : names.atB;
  await site.start({ lab_users: [names.atA, names.atB], slow_users: [names.slow] });

  const everybody = { browser, site, report };
  const atA = await Person.with(names.atA, everybody);
  const atB = await Person.with(names.atB, everybody);
  const admin = await Person.with("admin", everybody);
  const pairs = [
    [atA, a],
    [atB, b],
  ];
  /** Both at once, as two people would. */
  const both = (steps) => Promise.all(pairs.map(([person, hub]) => steps(person, hub)));

  await report.behaviour("two users on two hubs with different cookie secrets log in by form", async () => {
    // One after the other, and a wrong password first: the page that refuses it must take the right one.
    await atA.open("");
    await atA.seesLoginForm();
    await atA.logInByForm();
    await atA.page.waitForURL(/\/(hub\/spawn-pending|user)\//);
    await atB.open("");
    await atB.page.fill("#username_input", atB.name);
    await atB.page.fill("#password_input", "wrong");
    await atB.page.click("#login_submit");
    await atB.expect(".login_error", "Invalid username or password");
    await atB.logInByForm();
    await atB.page.waitForURL(/\/(hub\/spawn-pending|user)\//);
  });

  await report.behaviour("each opens JupyterLab", () => both((person) => labIsOpen(person, person.name)));

  await report.behaviour(
    "each runs a cell through a kernel WebSocket, at the hub that started the server",
    () =>
      both(async (person, hub) => {
        await newNotebook(person);
        person.product = await cellSaysHub(person, hub);
      }),
  );

  await report.behaviour("each saves a notebook", () =>
    both(async (person, hub) => {
      await saves(person);
      if (!hub.hasSaved(person.name, person.product)) throw new Error(`${person.name}'s work is not on disk`);
    }),
  );

  await report.behaviour(
    "an admin logged in at home works in another user's server on the other hub and stays logged in at home",
    async () => {
      await admin.open("hub/home");
      await admin.logInByForm();
      await admin.isAtHome(adminsHub);
      await visitsByForm(admin, awayUser, awayHub);
      await admin.isAtHome(adminsHub);
      // Both at will, without a question.
      await admin.open(`user/${awayUser}/lab`);
      await labIsOpen(admin, awayUser);
      await admin.isAtHome(adminsHub);
    },
  );

  await report.behaviour(
    "an admin logged in nowhere works in another user's server on the other hub and logs in at home beside it",
    async () => {
      const stranger = await Person.with("admin", everybody);
      await visitsByForm(stranger, awayUser, awayHub);
      await stranger.open("hub/home");
      await stranger.logInByForm();
      await stranger.isAtHome(adminsHub);
      await stranger.open(`user/${awayUser}/lab`);
      await labIsOpen(stranger, awayUser);
      await stranger.leaves();
    },
  );

  await report.behaviour("a shared link opens its owner's server on the other hub", async () => {
    const guest = await Person.with(names.guest, everybody);
    await guest.open("hub/home");
    await guest.logInByForm();
    await guest.isAtHome(a);
    await b.api("POST", `users/${guest.name}`); // a grantee must exist at the owner's hub
    await b.api("POST", `shares/${atB.name}/`, { user: guest.name });
    await visitsByForm(guest, atB.name, b);
    await guest.isAtHome(a);
    await guest.leaves();
  });

  await report.behaviour("the admin page lists, starts and stops servers by clicking", async () => {
    await adminPageWorks(admin, adminsHub, site);
  });

  await report.behaviour("the admin page of the other hub works by clicking", async () => {
    await admin.open(`_hubrouter/hub/${awayHub.id}`);
    await report.picture(admin.page, "chosen-hub");
    await adminPageWorks(admin, awayHub, site);
    await admin.open("_hubrouter/hub/");
    await admin.isAtHome(adminsHub);
  });

  await report.behaviour("the spawn progress page works by clicking", async () => {
    const slow = await Person.with(names.slow, everybody);
    await slow.open("hub/home");
    await slow.logInByForm();
    await slow.page.click("#start");
    await slow.page.waitForURL(/\/hub\/spawn-pending\//);
    await slow.expect("#progress-bar");
    await slow.page.click("#progress-details summary");
    await slow.expect("#progress-log", "Server requested");
    await slow.arrives(`user/${slow.name}/`);
    await slow.expect("#visitor", slow.name);
    await slow.expect("#hub", b.id);
    await slow.leaves();
  });

  await report.behaviour("a managed service on one hub is reached by users of both", async () => {
    await atA.open("services/whoami/");
    await atA.agreesOnTheWayTo("#visitor");
    await atA.expect("#visitor", atA.name);
    await atB.open("services/whoami/");
    await atB.logInByForm();
    await atB.agreesOnTheWayTo("#visitor");
    await atB.expect("#visitor", atB.name);
    await atB.expect("#hub", a.id);
    await atB.isAtHome(b);
  });

  let token;
  await report.behaviour("an API token made by clicking reaches its owner's hub", async () => {
    await atB.open("hub/token");
    await atB.page.click("#request-token-form button[type=submit]");
    await atB.page.waitForSelector("#token-result");
    await eventually("a token on the page", 20, async () => {
      token = (await atB.page.innerText("#token-result")).trim();
      return token.length >= 20;
    });
    const answer = await script(site.at("hub/api/user"), token);
    const owner = await answer.json();
    if (owner.name !== atB.name) throw new Error(`${answer.status} ${JSON.stringify(owner)}`);
  });

  await report.behaviour(
    "names with @, spaces, percent signs, unicode and capitals log in and open their server",
    async () => {
      const oddNames = ["ann@example.org", "two words", "x%40y", "Élise", "UPPER", "semi;colon", "名前"];
      const homes = new Set();
      for (const oddName of oddNames) {
        const hub = site.home(oddName);
        homes.add(hub);
        const person = await Person.with(oddName, everybody);
        await person.open("hub/login");
        await person.logInByForm();
        await person.expect("#visitor", oddName.toLowerCase());
        await person.expect("#hub", hub.id);
        await person.leaves();
      }
      if (homes.size < 2) throw new Error("all of these names live on one hub");
    },
  );

  await whenTheHubDies({ ...everybody, atA, atB, a, b, token });

  await report.behaviour("logout logs out everywhere", async () => {
    // The admin has sessions on both hubs.
    await admin.isAtHome(adminsHub);
    await admin.page.click("#logout");
    await admin.seesLoginForm();
    await report.picture(admin.page, "after-logout");
    const left = await admin.loginCookies();
    if (left.length > 0) throw new Error(`cookies left: ${left.join(", ")}`);
    for (const path of ["hub/home", `user/${awayUser}/lab`, "services/whoami/", `hub/user/${awayUser}/`]) {
      await admin.open(path);
      await admin.seesLoginForm();
    }
    await admin.open(`_hubrouter/hub/${awayHub.id}`);
    await admin.open("hub/home");
    await admin.seesLoginForm();
    await admin.expect("body", `served by ${awayHub.id}`);
  });
}

/** One hub dies and comes back while its user works, another of its users logs out, and a script asks. */
async function whenTheHubDies({ browser, site, report, atA, atB, a, b, token }) {
  const leaver = await Person.with(site.userAt(b), { browser, site, report });
  await report.behaviour("a navigation to a dead hub gets a waiting page with a link to the notebook", async () => {
    await leaver.open("hub/home");
    await leaver.logInByForm();
    await leaver.isAtHome(b);
    await leaver.page.click("#start");
    await leaver.arrives(`user/${leaver.name}/`);
    await leaver.isAtHome(b);
    // Its notebook comes to the front again: everything so far was in one tab.
    await atB.open(`user/${atB.name}/lab`);
    await labIsOpen(atB, atB.name);
    await newNotebook(atB);
    await b.die();
    atB.lab = await atB.newTab();
    await eventually("the router knows that the hub is dead", 15, async () => {
      const answer = await fetch(site.at("hub/home"), {
        headers: { "X-Hubrouter-Hub": b.id },
        redirect: "manual",
      });
      return answer.status === 503;
    });
    const began = Date.now();
    const answer = await atB.open("hub/home");
    if (Date.now() - began > 3000) throw new Error("the page came only after a timeout");
    await report.picture(atB.page, "waiting");
    if (answer.status() !== 503) throw new Error(`the page says ${answer.status()}`);
    // On the first page, and not only after it has tried again.
    if (!(await answer.text()).includes(`/user/${atB.name}/`)) throw new Error("no link to the running notebook");
    await atB.expect(`a[href*="/user/${atB.name}/"]`, undefined, "a link to the running notebook");
  });

  await report.behaviour("a running notebook works on while its hub is dead", async () => {
    const notebook = Object.assign(Object.create(atB), { page: atB.lab });
    await runsCell(notebook, "print(6006 * 7007)", `${6006 * 7007}`);
    await saves(notebook);
    // The link of the waiting page leads into it as well.
    const waiting = await atB.newTab();
    await atB.open(`user/${atB.name}/lab`);
    await labIsOpen(atB, atB.name);
    await atB.page.close();
    atB.page = waiting;
  });

  await report.behaviour("a script at a dead hub gets 503 JSON with Retry-After", async () => {
    const answer = await script(site.at(`hub/api/users/${atB.name}`), token);
    const body = await answer.text();
    if (answer.status !== 503) throw new Error(`${answer.status} ${body}`);
    if (!(Number(answer.headers.get("retry-after")) > 0)) throw new Error("no Retry-After");
    JSON.parse(body);
  });

  await report.behaviour("users of the other hub notice nothing", async () => {
    await atA.isAtHome(a);
    await atA.open(`user/${atA.name}/lab`);
    await labIsOpen(atA, atA.name);
  });

  await report.behaviour("logout works while the hub is dead", async () => {
    await leaver.page.click("#logout");
    await leaver.page.waitForURL(/\/hub\/(logout|login)/);
    await leaver.expect("body");
    await report.picture(leaver.page, "logout-at-a-dead-hub");
    const left = await leaver.loginCookies();
    if (left.length > 0) throw new Error(`cookies left: ${left.join(", ")}`);
    await leaver.open(`user/${leaver.name}/`).catch(() => {});
    if (await leaver.page.locator("#visitor").count()) throw new Error("the notebook still opens");
  });

  await report.behaviour("the waiting page heals itself when the hub is back", async () => {
    b.revive();
    await atB.expect(`a[href$="hub/logout"]`, undefined, "the home page after the waiting page").catch(async () => {
      await b.up(); // slow machine: it counts from here
      await atB.expect(`a[href$="hub/logout"]`, undefined, "the home page after the waiting page");
    });
    await atB.expect("body", `served by ${b.id}`);
    await b.up();
    await sleep(1000); // the router's next probes
    await leaver.open("hub/home");
    await leaver.seesLoginForm();
    await leaver.open(`user/${leaver.name}/`);
    await leaver.seesLoginForm();
    await leaver.leaves();
  });
}

/** Opens another user's running JupyterLab: password at that hub, consent, and work in it. */
async function visitsByForm(person, owner, hub) {
  await person.open(`user/${owner}/lab`);
  await person.logInByForm();
  await person.agreesOnTheWayTo(LAB);
  await labIsOpen(person, owner);
  await newNotebook(person);
  await cellSaysHub(person, hub);
}

/** Lists the hub's users, starts somebody's server and stops it, all by clicking. */
async function adminPageWorks(admin, hub, site) {
  const name = site.userAt(hub);
  await hub.api("POST", `users/${name}`);
  await admin.open("hub/admin");
  if (await admin.page.locator("#username_input").count()) await admin.logInByForm();
  await admin.expect("body", `served by ${hub.id}`);
  const row = admin.page.locator("tr", { hasText: name }).first();
  await row.waitFor();
  await row.getByRole("button", { name: "Start Server" }).click();
  await row.getByRole("button", { name: "Stop Server" }).waitFor();
  await eventually("the server runs", 20, async () => (await hub.api("GET", `users/${name}`)).server);
  await row.getByRole("button", { name: "Stop Server" }).click();
  await row.getByRole("button", { name: "Start Server" }).waitFor();
  await eventually("the server is gone", 20, async () => !(await hub.api("GET", `users/${name}`)).server);
}

/** A script's request: a token, no cookies, no browser headers. */
async function script(url, token) {
  return fetch(url, { headers: { Authorization: `token ${token}` }, redirect: "manual" });
}
