// What was measured on the way: at the end tables that a document can take, and the same as JSON.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

export class Figures {
  constructor() {
    this.notes = [];
    this.faults = [];
  }

  /** One figure. */
  note(what, value) {
    this.notes.push([what, value]);
  }

  /** What became of the requests during one fault: the table of `Load`. */
  requests(fault, table) {
    for (const [kind, row] of Object.entries(table)) {
      this.faults.push([fault, kind, row.answered, row.waiting, row.failed]);
    }
  }

  /** Prints the tables, and leaves `figures.md` and `figures.json` in `folder`. */
  print(folder) {
    const tables = [table(["figure", "value"], this.notes)];
    const heads = ["fault", "requests", "answered", "had to wait (503)", "failed"];
    if (this.faults.length > 0) tables.push(table(heads, this.faults));
    const text = tables.join("\n\n");
    console.log(`\n${text}\n\nfigures: ${join(folder, "figures.md")} and .json\n`);
    writeFileSync(join(folder, "figures.md"), `${text}\n`);
    const faults = this.faults.map((row) => Object.fromEntries(heads.map((head, index) => [head, row[index]])));
    const all = { figures: Object.fromEntries(this.notes), faults };
    writeFileSync(join(folder, "figures.json"), `${JSON.stringify(all, null, 2)}\n`);
  }
}

function table(heads, rows) {
  return [heads, heads.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
