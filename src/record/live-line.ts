/** The line that says how recording goes: rewritten each second on a terminal, rarely elsewhere. */
import { fold, TEXT_COLUMNS } from '../base/fold.ts'
import { redraw } from '../base/redraw.ts'
import type { World } from '../base/world.ts'
import { every } from './every.ts'
import type { RecordSession } from './record-session.ts'
import { liveText, type RecordStatus } from './record-text.ts'

const TERMINAL_US = 1_000_000
/** In a log, one line a minute is company enough; troubles are told at once. */
const LOG_US = 60_000_000

export class LiveLine {
  readonly #session: RecordSession
  readonly #world: World
  #before: RecordStatus
  #saidAtUs: number
  #degraded: string | null = null
  #drawn: readonly string[] = []

  constructor(session: RecordSession, world: World) {
    this.#session = session
    this.#world = world
    this.#saidAtUs = world.clock.nowUs()
    this.#before = session.status()
  }

  /** Runs until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    await every(TERMINAL_US, signal, () => this.#tick())
  }

  /** Takes the line away, so that what follows stands in its place. */
  clear(): void {
    if (this.#drawn.length > 0) this.#draw([])
  }

  /** Text that stays, where the line stood; that goes on below. */
  say(text: string): void {
    this.clear()
    this.#world.stderr.write(text)
  }

  get #columns(): number {
    const { columns } = this.#world.stderr
    return columns > 0 ? columns : TEXT_COLUMNS
  }

  #draw(lines: readonly string[]): void {
    this.#world.stderr.write(redraw(this.#drawn, lines, this.#columns))
    this.#drawn = lines
  }

  #tick(): void {
    const { stderr, clock } = this.#world
    const nowUs = clock.nowUs()
    const status = this.#session.status()
    const isNews = status.degraded !== this.#degraded
    this.#degraded = status.degraded
    if (!stderr.isTTY && !isNews && nowUs - this.#saidAtUs < LOG_US) return
    const text = liveText(status, this.#before)
    if (stderr.isTTY) this.#draw(fold(text, this.#columns).split('\n'))
    else stderr.write(`${text}\n`)
    this.#before = status
    this.#saidAtUs = nowUs
  }
}
