/** When a Mooncake row is due: by its own time, or after the turn before it. Pure. */
import { canonicalJson } from '../trace/canonical.ts'
import { millisUs, optionalNumber, optionalId, type JsonRecord } from './fields.ts'
import type { ImportContext } from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs, type TimeUnit } from './source-time.ts'

/** Each tool's name of the arrival, and the unit that goes with the name. */
const ARRIVALS: readonly (readonly [name: string, unit: TimeUnit])[] = [
  ['timestamp', 'ms'],
  ['created_time', 'ms'],
  ['timestamp_ms', 'ms'],
  ['arrival_ms', 'ms'],
  ['arrival_time_ms', 'ms'],
  ['arrival_time', 's'],
]

const DELAYS = ['delay', 'delay_ms'] as const

export function hasArrival(record: JsonRecord): boolean {
  return [...ARRIVALS.map(([name]) => name), ...DELAYS].some((name) => name in record)
}

type Turn = Readonly<{ seq: number; turn: number; dueUs: number }>

/** Where one row stands in time and among the turns of its session. */
export type Place = Readonly<{ dueUs: number; sessionId: string | null; cells: TurnCells }>

type TurnCells = Readonly<{
  session?: string
  turn?: number
  parentSeq?: number
  dependencies?: string
}>

/** The sessions of one file, whose later turns may say only how long they wait. */
export class MooncakeTimes {
  readonly #context: ImportContext
  readonly #turns = new Map<string, Turn>()

  constructor(context: ImportContext) {
    this.#context = context
  }

  place(record: JsonRecord): Place {
    const sessionId = optionalId(record['session_id'])
    const before = sessionId === null ? undefined : this.#turns.get(sessionId)
    const delayUs = millisUs(optionalNumber(record[DELAYS[0]] ?? record[DELAYS[1]], 'delay'))
    const dueUs = this.#toldUs(record) ?? this.#afterUs(before, delayUs ?? 0)
    const cells = sessionId === null ? {} : this.#cells(sessionId, before, delayUs)
    return { dueUs, sessionId, cells }
  }

  /** The row got this number; turns after it wait for it. */
  keep({ dueUs, sessionId }: Place, seq: number): void {
    if (sessionId === null) return
    const before = this.#turns.get(sessionId)
    this.#turns.set(sessionId, { seq, turn: before === undefined ? 0 : before.turn + 1, dueUs })
  }

  #toldUs(record: JsonRecord): number | null {
    for (const [name, unit] of ARRIVALS) {
      const value = record[name]
      if (value === undefined || value === null) continue
      const us = parseUnitUs(value, this.#context.unit(unit))
      if (Number.isNaN(us)) throw new RowFault(`${name} is not a number`)
      return us
    }
    return null
  }

  #afterUs(before: Turn | undefined, delayUs: number): number {
    if (before === undefined) {
      this.#context.note('rows without a time begin with the trace, at 0')
      return 0
    }
    this.#context.note('turns that tell only a delay are placed without service times')
    return before.dueUs + delayUs
  }

  #cells(sessionId: string, before: Turn | undefined, delayUs: number | null): TurnCells {
    const session = this.#context.label('session', sessionId)
    if (before === undefined) return { session, turn: 0 }
    const { seq } = before
    return {
      session,
      turn: before.turn + 1,
      parentSeq: seq,
      ...(delayUs === null
        ? {}
        : {
            dependencies: canonicalJson([{ seq, trigger: 'end', relation: 'sequence', delayUs }]),
          }),
    }
  }
}
