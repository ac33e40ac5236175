/** Why one source row cannot become a row of a trace. Pure. */

/** Thrown by importers; the driver counts it and goes on, or stops under `--strict`. */
export class RowFault extends Error {
  override readonly name = 'RowFault'
}

/** How many rows were left out, by reason, and where each reason was met first. */
export type FaultCount = Readonly<{ reason: string; count: number; firstLine: number }>

/** Reasons are fixed phrases of this program, so that no traffic reaches a log. */
export class FaultTally {
  readonly #byReason = new Map<string, { count: number; firstLine: number }>()

  add(reason: string, line: number): void {
    const known = this.#byReason.get(reason)
    if (known === undefined) this.#byReason.set(reason, { count: 1, firstLine: line })
    else known.count += 1
  }

  list(): FaultCount[] {
    return [...this.#byReason].map(([reason, fault]) => ({ reason, ...fault }))
  }
}
