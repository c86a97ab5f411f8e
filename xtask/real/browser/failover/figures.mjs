// What was measured on the way, printed at the end as tables that a document can take.

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

  print() {
    console.log("\n| figure | value |\n|---|---|");
    for (const row of this.notes) console.log(`| ${row.join(" | ")} |`);
    console.log("\n| fault | requests | answered | had to wait (503) | failed |\n|---|---|---|---|---|");
    for (const row of this.faults) console.log(`| ${row.join(" | ")} |`);
    console.log("");
  }
}
