/**
 * A query in a process of its own: SQL may go on for ever or fill the memory, and only a process can be
 * ended while SQLite is at work. Effects: starts a process.
 */
import { pause } from '../base/clock.ts'
import { TraceError, type ErrorCode } from '../base/errors.ts'
import { startHelper, type Helper } from '../base/processes.ts'
import type { Cell } from './query.ts'

export type QueryQuestion =
  | Readonly<{ kind: 'ask'; path: string; sql: string; memoryBytes: number }>
  /** Rows are sent only when asked for, so that a slow reader holds them back. */
  | Readonly<{ kind: 'next' }>

export type QueryAnswer =
  | Readonly<{ kind: 'columns'; columns: readonly string[] }>
  | Readonly<{ kind: 'rows' | 'end'; rows: readonly Cell[][] }>
  | Readonly<{ kind: 'fault'; code: ErrorCode; message: string; hint: string }>

export type Answer = Readonly<{
  columns: readonly string[]
  /** Runs of rows, as they are found. */
  rows: AsyncIterable<readonly Cell[][]>
}>

export type QueryLimits = Readonly<{
  /** That the query may work; time in which nobody takes its rows does not count. */
  timeUs: number
  /** Resident, of the whole process; a trace that is no SQLite file is in it. */
  memoryBytes: number
}>

const HEAP_MB = 512

export class QueryProcess {
  readonly #helper: Helper
  readonly #limits: QueryLimits
  readonly #heard: QueryAnswer[] = []
  #wake: (() => void) | null = null
  #isEnded = false

  constructor(limits: QueryLimits) {
    this.#limits = limits
    this.#helper = startHelper(import.meta.url, './query-worker', HEAP_MB)
    this.#helper.on('message', (answer) => this.#hear(answer as QueryAnswer))
    this.#helper.on('exit', () => this.#hear(null))
    // A question to a helper that has just ended: its end says what there is to say.
    this.#helper.on('error', () => this.#hear(null))
  }

  /** @throws TraceError TRACE_UNREADABLE; BAD_OPTION for SQL that is wrong or reaches a limit */
  async ask(path: string, sql: string): Promise<Answer> {
    const { timeUs, memoryBytes } = this.#limits
    this.#helper.send({ kind: 'ask', path, sql, memoryBytes } satisfies QueryQuestion)
    const budget = { leftUs: timeUs }
    const first = await this.#answer(budget)
    return { columns: first.kind === 'columns' ? first.columns : [], rows: this.#rows(budget) }
  }

  close(): void {
    this.#helper.kill('SIGKILL')
  }

  async *#rows(budget: { leftUs: number }): AsyncGenerator<readonly Cell[][]> {
    for (;;) {
      this.#helper.send({ kind: 'next' } satisfies QueryQuestion)
      const answer = await this.#answer(budget)
      if (answer.kind === 'columns') return
      yield answer.rows
      if (answer.kind === 'end') return
    }
  }

  #hear(answer: QueryAnswer | null): void {
    if (answer === null) this.#isEnded = true
    else this.#heard.push(answer)
    this.#wake?.()
  }

  /** Waits in ticks, so that what this process does meanwhile is not taken for the query's time. */
  async #answer(budget: { leftUs: number }): Promise<Exclude<QueryAnswer, { kind: 'fault' }>> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    while (this.#heard.length === 0) {
      const { timeUs, memoryBytes } = this.#limits
      if (this.#isEnded) throw tooMuch('memory', `--memory-limit ${memoryBytes}`)
      if (budget.leftUs <= 0) {
        this.close()
        throw tooMuch('time', `--time-limit ${timeUs / 1e6}s`)
      }
      await pause(TICK_US, woken.signal).catch(() => undefined)
      budget.leftUs -= TICK_US
    }
    this.#wake = null
    const answer = this.#heard.shift()
    if (answer === undefined) throw tooMuch('time', 'its own end')
    if (answer.kind !== 'fault') return answer
    throw new TraceError(answer.code, answer.message, { hint: answer.hint })
  }
}

const TICK_US = 50_000

function tooMuch(what: 'time' | 'memory', limit: string): TraceError {
  return new TraceError('BAD_OPTION', `the query took more ${what} than ${limit} allows`, {
    hint: 'Does it join every row with every other, or go round without an end?',
  })
}
