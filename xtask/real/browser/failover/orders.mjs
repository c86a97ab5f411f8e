// Operators send single users elsewhere: moved until they are idle, or pinned until the pin is cleared.

import { eventually } from "../processes.mjs";
import { SCALE } from "./fleet.mjs";

const WHY = ["--reason", "their data is there"];

/** Two users of hub-b go to the standby: one is moved, one pinned. Their servers are stopped again at once. */
export async function usersAreSent(run) {
  const { site, report, hubs, runner } = run;
  const { standby, b } = hubs;
  const sent = { moved: run.take(b), pinned: run.take(b) };

  await report.behaviour("a user with a server is not moved, and a dry run moves nobody", async () => {
    const working = await site.does(1, "move", runner.name, standby.id, ...WHY);
    if (!working.err.includes(`has a server at \`${b.id}\``)) throw new Error(working.err);
    const nobody = await site.does(1, "move", "nobody-of-this-name", standby.id, ...WHY);
    if (!nobody.err.includes("no hub knows a user")) throw new Error(nobody.err);
    const nowhere = await site.does(1, "pin", runner.name, "hub-x", ...WHY);
    if (!nowhere.err.includes(standby.id)) throw new Error(`it does not name the hubs: ${nowhere.err}`);
    const nothing = await site.does(1, "pin", sent.pinned.name, "--clear", ...WHY);
    if (!nothing.err.includes("is not pinned")) throw new Error(nothing.err);
    await Promise.all(Object.values(sent).map((visitor) => visitor.isLoggedIn()));
    for (const [verb, visitor] of [
      ["move", sent.moved],
      ["pin", sent.pinned],
    ]) {
      const dry = await site.does(0, verb, visitor.name, standby.id, "--dry-run", ...WHY);
      if (!dry.out.includes(`would be at \`${standby.id}\`, not at \`${b.id}\``)) throw new Error(dry.out);
      if (!(await run.owns(b, visitor))) throw new Error(`a dry run of ${verb} moved ${visitor.name}`);
    }
  });

  await report.behaviour("an idle user who is moved or pinned starts at the other hub", async () => {
    await Promise.all([
      site.does(0, "move", sent.moved.name, standby.id, ...WHY),
      site.does(0, "pin", sent.pinned.name, standby.id, ...WHY),
    ]);
    const starts = Object.values(sent).map(async (visitor) => {
      await eventually(`${visitor.name} belongs to ${standby.id}`, 10, () => run.owns(standby, visitor));
      const hub = await run.moves(visitor).works(40 + 30 * SCALE);
      if (hub !== standby.id) throw new Error(`${visitor.name} works at ${hub}`);
    });
    await Promise.all(starts);
    const again = await site.does(1, "pin", sent.pinned.name, standby.id, ...WHY);
    if (!again.err.includes("already")) throw new Error(again.err);
    for (const { name } of Object.values(sent)) await standby.api("DELETE", `users/${name}/server`);
  });
  run.sent = sent;
}

/** Long after both were idle, and Redis was dead and empty: who was moved is at home again, who was pinned is not. */
export async function pinIsCleared(run) {
  const { site, report, hubs, sent } = run;
  const { standby, b } = hubs;

  await report.behaviour("a moved user goes home when idle, a pinned one stays until the pin is cleared", async () => {
    await eventually(`${sent.moved.name} is at home`, 30 + 300 * SCALE, () => run.owns(b, sent.moved));
    if (!(await run.owns(standby, sent.pinned))) throw new Error(`${sent.pinned.name} is not pinned any more`);
    await site.does(0, "pin", sent.pinned.name, "--clear", ...WHY);
  });
}
