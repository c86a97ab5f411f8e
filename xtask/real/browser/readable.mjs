// Whether a page of the router can be read by everybody: light and dark, on a phone and on a desk, with and without
// JavaScript. Looks at what the browser has computed; pictures are for people to look at.

import { join } from "node:path";

const WIDTHS = [360, 1280];
const SCHEMES = ["light", "dark"];
/** Of text to what is behind it: WCAG 2.1, 1.4.3. */
const LEAST_CONTRAST = 4.5;

/**
 * Opens `path` with the cookies of `person` in each of these ways; it has to show the heading `title` and the words
 * `says`. Leaves pictures behind that begin with `name`. Returns the least contrast.
 */
export async function readsWell(person, path, { name, title, says }) {
  const storageState = await person.context.storageState();
  let least = Infinity;
  for (const javaScriptEnabled of [true, false]) {
    const context = await person.report.browser.newContext({ storageState, javaScriptEnabled, reducedMotion: "reduce" });
    const problems = [];
    const page = await context.newPage();
    listen(page, person.site, problems);
    let opened = false;
    // A page that tries again by itself must not do so while it is looked at.
    await page.route("**", (route) => (opened ? route.fulfill({ status: 204 }) : route.continue()));
    await page.goto(person.site.at(path), { waitUntil: "load" });
    opened = true;
    for (const scheme of SCHEMES) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 760 });
        const seen = await page.evaluate(look);
        const way = `${scheme}, ${width} px, ${javaScriptEnabled ? "with" : "without"} JavaScript`;
        problems.push(...faults(seen, { title, says }).map((fault) => `${way}: ${fault}`));
        least = Math.min(least, ...seen.texts.map(({ contrast }) => contrast));
        const picture = [name, scheme, width, ...(javaScriptEnabled ? [] : ["no-script"])].join("-");
        await page.screenshot({ path: join(person.report.places.screenshots, `${picture}.png`), fullPage: true });
      }
    }
    await context.close();
    if (problems.length > 0) throw new Error(`the page "${title}" at ${path}: ${problems.slice(0, 4).join("; ")}`);
  }
  return least;
}

/** Errors, and requests that leave the site. */
function listen(page, site, problems) {
  page.on("request", (request) => {
    if (!request.url().startsWith(`${site.origin}/`)) problems.push(`it asks for ${request.url()}`);
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // The browser notes the page's own status, which is no fault of it.
    const isStatus = message.text().startsWith("Failed to load resource") && message.location().url === page.url();
    if (message.type() === "error" && !isStatus) problems.push(message.text());
  });
}

function faults(seen, { title, says }) {
  const found = [];
  if (seen.headings.length !== 1 || !seen.headings[0].includes(title)) {
    found.push(`its headings are ${JSON.stringify(seen.headings)}`);
  }
  if (!seen.text.includes(says)) found.push(`it does not say "${says}", but: ${seen.text.slice(0, 200)}`);
  if (seen.wide > seen.width) found.push(`it is ${seen.wide} px wide`);
  for (const { text, contrast } of seen.texts.filter((one) => one.contrast < LEAST_CONTRAST)) {
    found.push(`"${text.slice(0, 40)}" has a contrast of ${contrast.toFixed(2)}`);
  }
  return found;
}

/** Runs in the page: everything that can be seen of it, each text with its contrast. */
function look() {
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (front, back) => {
    const mixed = (part) => front[part] * front.a + back[part] * (1 - front.a);
    return { r: mixed("r"), g: mixed("g"), b: mixed("b"), a: 1 };
  };
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(colour(getComputedStyle(at).backgroundColor));
    // What a browser paints where nobody else does.
    const canvas = isDark ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
    return layers.reduceRight((back, front) => over(front, back), canvas);
  };
  const light = ({ r, g, b }) => {
    const linear = [r, g, b].map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const texts = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (own.length === 0 || !visible(element)) continue;
    const back = behind(element);
    const front = over(colour(getComputedStyle(element).color), back);
    const [more, less] = [light(front), light(back)].sort((a, b) => b - a);
    texts.push({ text: own.map((node) => node.data.trim()).join(" "), contrast: (more + 0.05) / (less + 0.05) });
  }
  return {
    headings: [...document.querySelectorAll("h1")].filter(visible).map((heading) => heading.innerText),
    text: document.body.innerText.replace(/\s+/g, " "),
    texts,
    wide: document.documentElement.scrollWidth,
    width: document.documentElement.clientWidth,
  };
}
