/** Numbers sessions, and finds out whose answer each request came after. Pure. */
import { dependenciesOf } from '../trace/json-column.ts'
import { NONE, type PlanColumns } from './plan.ts'
import type { SourceColumns } from './source-row.ts'

export class SessionTable {
  readonly names: string[] = []
  readonly #indexOfName = new Map<string, number>()
  #lastName: string | null = null
  #lastIndex = NONE
  #hasParents = false
  /** Rows whose source says how long after the parent's end they came. */
  readonly #delayUs = new Map<number, number>()

  /** For now `parent` holds the parent's seq, and `thinkUs` how long until the row's answer ended. */
  add(source: SourceColumns, row: number, to: PlanColumns, at: number): void {
    to.session[at] = this.#indexOf(source.session[row]!)
    const parentSeq = source.parentSeq[row]!
    this.#hasParents ||= !Number.isNaN(parentSeq)
    to.parent[at] = Number.isNaN(parentSeq) ? NONE : parentSeq
    const answerUs = source.e2eUs[row]!
    const lastedUs = Number.isNaN(answerUs) ? source.abortUs[row]! : answerUs
    to.thinkUs[at] = (source.lagUs[row]! || 0) + (source.uploadUs[row]! || 0) + (lastedUs || 0)
  }

  /** What the source says about the time between the parent's end and this row, if it does. */
  addDelay(source: SourceColumns, row: number, at: number): void {
    const text = source.dependencies[row] ?? null
    const delayUs =
      text === null ? null : delayAfter(text, source.parentSeq[row]!, source.seq[row]!)
    if (delayUs !== null) this.#delayUs.set(at, delayUs)
  }

  #indexOf(name: string | null): number {
    if (name === null) return NONE
    if (name === this.#lastName) return this.#lastIndex
    let index = this.#indexOfName.get(name)
    if (index === undefined) {
      index = this.names.push(name) - 1
      this.#indexOfName.set(name, index)
    }
    this.#lastName = name
    this.#lastIndex = index
    return index
  }

  /**
   * A parent that was recorded and is in the plan counts; else the latest row of the session that had
   * ended. Afterwards `parent` is a row of the plan and `thinkUs` the time since its end, at least 0:
   * what the source says it was, else what its times say.
   */
  linkParents(columns: PlanColumns): void {
    const { dueUs, seq, session, parent, thinkUs } = columns
    if (this.names.length === 0 && !this.#hasParents) {
      thinkUs.fill(0)
      return
    }
    const rowOf = this.#hasParents ? rowFinder(seq) : () => NONE
    const lastRow = new Uint32Array(this.names.length).fill(NONE)
    const endUs = dueUs.map((atUs, row) => atUs + thinkUs[row]!)
    for (let row = 0; row < dueUs.length; row += 1) {
      let from = parent[row] === NONE ? NONE : rowOf(parent[row]!)
      if (from === NONE && session[row] !== NONE) {
        from = lastRow[session[row]!]!
        while (from !== NONE && endUs[from]! > dueUs[row]!) from = parent[from]!
      }
      if (from >= row) from = NONE
      if (session[row] !== NONE) lastRow[session[row]!] = row
      parent[row] = from
      const gapUs = from === NONE ? 0 : dueUs[row]! - endUs[from]!
      thinkUs[row] = Math.max(0, from === NONE ? 0 : (this.#delayUs.get(row) ?? gapUs))
    }
  }
}

/** The stated delay after the end of the parent's answer, or null. @param text as in the trace */
function delayAfter(text: string, parentSeq: number, row: number): number | null {
  const found = dependenciesOf(text, row).find(
    ({ seq, trigger }) => seq === parentSeq && trigger === 'end',
  )
  return found?.delayUs ?? null
}

/** Finds the row with a seq; rows are mostly, but not always, ascending by seq. */
function rowFinder(seq: Uint32Array): (wanted: number) => number {
  const order = seq.map((_, row) => row)
  if (seq.some((value, row) => row > 0 && value < seq[row - 1]!)) {
    order.sort((a, b) => seq[a]! - seq[b]!)
  }
  return (wanted) => {
    let low = 0
    let high = order.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = seq[order[middle]!]!
      if (found === wanted) return order[middle]!
      if (found < wanted) low = middle + 1
      else high = middle - 1
    }
    return NONE
  }
}
