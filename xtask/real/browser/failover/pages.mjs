// What the router itself says to people while hubs are closed or gone, in a real browser: pages that have to be read.

import { Person } from "../person.mjs";
import { eventually } from "../processes.mjs";
import { readsWell } from "../readable.mjs";
import { SCALE } from "./fleet.mjs";

/** One page as a behaviour of its own; how well it reads is kept for the figures. */
export async function pageReadsWell(run, person, path, page) {
  await run.report.behaviour(`the page "${page.title}" reads well in every light and width`, async () => {
    await page.first?.();
    run.contrasts.push(await readsWell(person, path, page));
    await page.then?.();
  });
}

/** `person` sees `title` at `path`, sooner or later. */
export async function shows(person, path, title) {
  await eventually(`${path} shows "${title}"`, 20 + 60 * SCALE, async () => {
    await person.open(path);
    return (await person.shown()).includes(title);
  });
}

/** A person at a browser whose home is `hub`, logged in; with a server, if wanted. */
export async function personAt(run, hub, { works = false } = {}) {
  const { name } = run.take(hub);
  const person = await Person.with(name, run);
  await person.open(works ? "hub/spawn" : "hub/home");
  await person.logInByForm();
  if (!works) {
    await person.isAtHome(hub);
    return person;
  }
  await person.expect("#visitor", name);
  await person.expect("#hub", hub.id);
  return person;
}

/** Who chooses another hub for a start is told where their server runs. */
export async function serverStillRuns(run) {
  const { a, b } = run.hubs;
  const { person } = run;
  await pageReadsWell(run, person, "hub/spawn", {
    name: "still-runs",
    title: `A server still runs at ${a.id}`,
    says: "nobody has servers at two hubs",
    first: () => person.open(`_hubrouter/hub/${b.id}`),
    then: async () => {
      await person.open("hub/spawn");
      await person.page.getByRole("link", { name: /notebook/i }).first().click();
      await person.expect("#visitor", person.name);
      await person.open("_hubrouter/hub/");
    },
  });
}

/** hub-a is closed, and no other hub takes its users. */
export async function hubsAreClosed(run) {
  const { site, hubs } = run;
  const { a } = hubs;
  const others = site.hubsInForce.filter((hub) => hub !== a);
  const person = await personAt(run, a);
  await pageReadsWell(run, person, "hub/spawn", {
    name: "draining",
    title: "No new servers here now",
    says: "no other hub can take you now",
    first: async () => {
      for (const hub of others) await site.does(0, "cordon", hub.id, "--reason", "pages");
      const refused = await site.does(1, "drain", a.id, "--reason", "pages");
      if (!/strand/.test(refused.err)) throw new Error(`it does not say that users would be stranded: ${refused.err}`);
      await site.does(0, "drain", a.id, "--force", "--reason", "pages");
      await shows(person, "hub/spawn", "No new servers here now");
    },
    then: () => site.does(0, "drain", a.id, "--abort", "--reason", "pages"),
  });
  await pageReadsWell(run, person, "hub/home", {
    name: "maintenance",
    title: "Closed for maintenance",
    says: "its operators have closed it for a while",
    first: async () => {
      await site.does(0, "maintenance", a.id, "--reason", "pages");
      await shows(person, "hub/home", "Closed for maintenance");
    },
    then: async () => {
      for (const hub of [a, ...others]) await site.does(0, "resume", hub.id, "--reason", "pages");
      await shows(person, "hub/home", `served by ${a.id}`);
    },
  });
  // Also after a failure: whoever comes next needs open hubs.
  for (const hub of [a, ...others]) await site.command(["resume", hub.id, "--reason", "pages"]);
  await person.leaves();
}

/** A user of a dead hub reads its page, gives the server up, and starts at another hub. */
export async function userGivesServerUp(run) {
  const { site, person, hubs } = run;
  const { a } = hubs;
  const path = `user/${person.name}/`;
  await pageReadsWell(run, person, path, {
    name: "hub-gone",
    title: "Your hub is gone",
    says: "Declare my server lost",
    first: async () => {
      site.allowSelfRescue();
      await eventually("the page offers to give the server up", 20, async () => {
        await person.open(path);
        return (await person.shown()).includes("Your hub is gone") && (await declare(person).isVisible());
      });
    },
  });
  await run.report.behaviour("a user of a dead hub gives their server up and starts at another hub", async () => {
    // Before the act, so that the watcher never sees the second row without knowing.
    run.exempts([person.name]);
    run.moves(person);
    await person.open(path);
    await declare(person).click();
    await person.expect("h1", "Your server is given up");
    await person.page.getByRole("link", { name: "Start a new server" }).click();
    // The other hub does not know this browser yet.
    await person.page.locator("#username_input, #visitor").first().waitFor({ timeout: (30 + 60 * SCALE) * 1000 });
    if (await person.page.locator("#username_input").isVisible()) await person.logInByForm();
    await person.expect("#visitor", person.name);
    person.worksAt = await person.page.innerText("#hub");
    if (person.worksAt === a.id) throw new Error(`${person.name} works at the dead hub`);
  });
}

function declare(person) {
  return person.page.getByRole("button", { name: "Declare my server lost" });
}
