// JupyterLab as a person uses it: the launcher, a cell, the File menu.

/** What is there once JupyterLab is. */
export const LAB = "#jp-MainLogo";

/** JupyterLab is on the screen, started by the router's way alone. */
export async function labIsOpen(person, owner) {
  await person.arrives(`user/${encodeURIComponent(owner)}/lab`);
  // A busy machine: the hub may need a while to start the server.
  await person.page.waitForSelector(LAB, { timeout: 90_000 });
}

/** Opens a launcher and clicks its notebook card; returns once the kernel has connected. */
export async function newNotebook(person) {
  const { page, site } = person;
  const kernel = page.waitForEvent("websocket", {
    predicate: (socket) => /\/api\/kernels\/.*\/channels/.test(socket.url()),
    timeout: 60_000,
  });
  kernel.catch(() => {}); // awaited below; a click that fails first is what should be told
  // JupyterLab shows what was open last time, so there may be no launcher yet.
  await page.click('button[data-command="launcher:create"], [data-command="launcher:create"] button');
  await page.locator('.jp-LauncherCard[data-category="Notebook"]:visible').first().click();
  const socket = await kernel;
  if (!socket.url().startsWith(site.origin.replace("http:", "ws:"))) {
    throw new Error(`the kernel's WebSocket went past the router: ${socket.url()}`);
  }
  await kernelIsIdle(page);
}

async function kernelIsIdle(page) {
  const indicator = '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-ExecutionIndicator[data-status="idle"]';
  await page.waitForSelector(indicator, { timeout: 60_000 });
}

/** Runs `code` in the last cell and waits until its output holds `expected`. */
export async function runsCell(person, code, expected) {
  const { page } = person;
  const panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)");
  await panel.locator(".jp-Notebook .jp-CodeCell .cm-content").last().click();
  await page.keyboard.insertText(code);
  await page.keyboard.press("Shift+Enter");
  await panel.locator(".jp-OutputArea-output", { hasText: expected }).last().waitFor({ timeout: 60_000 });
}

/** Runs a cell that says which hub started this server. The product shows that the kernel computed it. */
export async function cellSaysHub(person, hub) {
  const factor = 100 + Math.floor(Math.random() * 900);
  await runsCell(
    person,
    `import os; print(os.environ["HUB_THAT_SPAWNED_ME"], ${factor} * 1001)`,
    `${hub.id} ${factor * 1001}`,
  );
  return `${factor * 1001}`;
}

/** File > Save Notebook; returns when the server has said that it is written. */
export async function saves(person) {
  const { page } = person;
  const written = page.waitForResponse(
    (response) => response.request().method() === "PUT" && /\/api\/contents\/.*\.ipynb/.test(response.url()),
  );
  written.catch(() => {}); // awaited below
  await page.getByRole("menuitem", { name: "File", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Save Notebook(?! As)/ }).click();
  // The first save of an unnamed notebook asks for a name.
  const rename = page.getByRole("button", { name: "Rename and Save" });
  await Promise.race([written, rename.waitFor()]);
  if (await rename.isVisible()) await rename.click();
  const answer = await written;
  if (answer.status() >= 300) throw new Error(`saving answered ${answer.status()}`);
}
