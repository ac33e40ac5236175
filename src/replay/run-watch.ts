/** Watches a run from outside: progress, the server's counters, signals. Effects: network, stderr, signals. */
import { pause } from '../base/clock.ts'
import { EXIT, TraceError } from '../base/errors.ts'
import type { HttpClient, HttpOptions } from '../base/http.ts'
import type { World } from '../base/world.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { EventRow, SampleRow } from '../trace/columns.ts'
import type { Plan } from '../workload/plan.ts'
import { ClientLoad, threadLoadRows, throttlingRows } from './client-load.ts'
import { lagQuantileUs, sumCounts, type Counters } from './counters.ts'
import type { LiveResults } from './live-results.ts'
import type { Preflight } from './preflight.ts'
import { dueCount, type Progress, progressBar, progressLine } from './progress.ts'
import { redraw } from '../base/redraw.ts'
import type { RunHooks } from './run-hooks.ts'
import { metricRows, readMetrics, TextPool } from './server-metrics.ts'
import { rootUrl } from './target-facts.ts'
import type { ReplayThreads } from './threads.ts'

const TTY_STEP_US = 200_000
const PLAIN_STEP_US = 5_000_000
const METRICS_STEP_US = 5_000_000
const LOAD_STEP_US = 1_000_000
const TICK_US = 100_000
const GIVES_UP = '(^C again gives it up)'
/** Ctrl-C pressed twice in a hurry is meant once. */
const SECOND_THOUGHT_US = 1_000_000
/** A server counts an answer some moments after its last byte. */
const SETTLE_US = 500_000

export type WatchOptions = Readonly<{
  hooks: RunHooks
  plan: Plan
  world: World
  client: HttpClient
  http: HttpOptions
  ready: Preflight
  counters: readonly Counters[]
  live: LiveResults
  /** The sending threads poll before each send. */
  isPolling: boolean
}>

export class RunWatch {
  readonly #options: WatchOptions
  readonly #samples: SampleRow[] = []
  readonly #texts = new TextPool()
  readonly #events: EventRow[] = []
  #before: SampleRow[] = []
  #load: ClientLoad | null = null
  /** When a signal asked for the end; null before. */
  #askedAtUs: number | null = null
  #stopListening: readonly (() => void)[] = []
  readonly #givenUp = Promise.withResolvers<never>()
  /** The lines that stand on the terminal. */
  #drawn: readonly string[] = []

  constructor(options: WatchOptions) {
    this.#options = options
    this.#givenUp.promise.catch(() => undefined)
  }

  /** Rejects when somebody asks a second time, having thought about it: not even the result is wanted. */
  get givenUp(): Promise<never> {
    return this.#givenUp.promise
  }

  /** Signals do from now on what they do anywhere. */
  close(): void {
    for (const each of this.#stopListening) each()
  }

  /** The server's counters before the first request. */
  async before(): Promise<void> {
    this.#before = [...(await this.#scrape(0)), ...(await throttlingRows(0))]
  }

  /** Until the run is over or a signal ends it. @returns the exit code */
  async during(startUs: number, threads: ReplayThreads): Promise<number> {
    const { world } = this.#options
    this.#load = new ClientLoad(world.clock, startUs)
    const state = { exitCode: EXIT.pass as number, isOver: false }
    const stop = (exitCode: number) => {
      state.exitCode = exitCode
      threads.stop()
    }
    const { hooks, live, ready, http } = this.#options
    const target = ready.targets[0]!
    hooks.onBegin?.({
      live,
      probe: { url: ready.servers[target.server]!.facts.url, target, http, startUs },
      stop: (exitCode = EXIT.interrupted) => stop(exitCode),
      note: (kind, detail) => {
        const atUs = Math.max(0, Math.round(world.clock.nowUs() - startUs))
        this.#events.push({ atUs, kind, detail: canonicalJson(detail) })
      },
    })
    const asked = (exitCode: number) => {
      const nowUs = world.clock.nowUs()
      const sinceUs = nowUs - (this.#askedAtUs ?? nowUs)
      if (sinceUs > SECOND_THOUGHT_US) {
        state.isOver = true
        return this.#givenUp.reject(
          new TraceError('INTERRUPTED', 'given up: no result was written'),
        )
      }
      this.#askedAtUs ??= nowUs
      if (state.isOver) world.stderr.write(`writing the result ${GIVES_UP}\n`)
      else stop(exitCode)
    }
    this.#stopListening = [
      world.onSignal('SIGINT', () => asked(EXIT.interrupted)),
      world.onSignal('SIGTERM', () => asked(EXIT.terminated)),
    ]
    const watching = Promise.all([
      this.#show(startUs, state),
      this.#every(METRICS_STEP_US, startUs, state, async (atUs) => this.#scrape(atUs)),
      this.#every(LOAD_STEP_US, startUs, state, async () => this.#load?.sample() ?? []),
    ])
    try {
      await threads.sent()
    } finally {
      state.isOver = true
      await watching
      if (state.exitCode !== EXIT.pass)
        world.stderr.write(`ended early: keeping what was measured ${GIVES_UP}\n`)
      this.#samples.push(...(await this.#load.sample()))
      for (const each of threads.loads) {
        this.#samples.push(...threadLoadRows(each, startUs, this.#options.isPolling))
      }
    }
    return state.exitCode
  }

  /** The server's counters at the end, and what the plan says happened to the load. */
  async after(
    startUs: number,
  ): Promise<{ samples: SampleRow[]; events: EventRow[]; atUs: number }> {
    const { plan, world } = this.#options
    if (this.#hasMetrics) await pause(SETTLE_US)
    const atUs = Math.round(world.clock.nowUs() - startUs)
    const last = [...(await this.#scrape(atUs)), ...((await this.#options.hooks.onEnd?.()) ?? [])]
    return {
      atUs,
      samples: [...this.#before, ...this.#samples, ...last],
      events: [
        ...plan.events.map((event) => ({ ...event, atUs: Math.round(event.atUs) })),
        ...this.#events,
      ],
    }
  }

  get #hasMetrics(): boolean {
    return this.#options.ready.servers.some(({ facts }) => facts.hasMetrics)
  }

  /** All servers' counters; where there are several, a label tells them apart. */
  async #scrape(atUs: number): Promise<SampleRow[]> {
    const { client, ready } = this.#options
    const isAlone = ready.servers.length === 1
    const each = ready.servers.map(async ({ name, facts }) => {
      if (!facts.hasMetrics) return []
      const metrics = await readMetrics(client, rootUrl(facts.url, '/metrics'))
      const label = isAlone ? null : (name ?? facts.url.host)
      return metrics === null ? [] : metricRows(metrics, atUs, label, this.#texts.of)
    })
    return (await Promise.all(each)).flat()
  }

  /** Adds samples at each step of the run's clock until it is over. */
  async #every(
    stepUs: number,
    startUs: number,
    state: Readonly<{ isOver: boolean }>,
    take: (atUs: number) => Promise<SampleRow[]>,
  ): Promise<void> {
    const { clock } = this.#options.world
    for (let step = 1; ; step += 1) {
      while (!state.isOver && clock.nowUs() < startUs + step * stepUs) await pause(TICK_US)
      if (state.isOver) return
      const taken = await take(Math.round(clock.nowUs() - startUs))
      this.#samples.push(...taken)
      this.#options.hooks.onSamples?.(taken)
    }
  }

  async #show(startUs: number, state: Readonly<{ isOver: boolean }>): Promise<void> {
    const { hooks, world } = this.#options
    const { stderr } = world
    const stepUs = stderr.isTTY ? TTY_STEP_US : PLAIN_STEP_US
    let nextUs = startUs + (stderr.isTTY ? 0 : stepUs)
    while (!state.isOver) {
      await pause(TICK_US)
      hooks.onProgress?.(this.#progress(startUs))
      const nowUs = world.clock.nowUs()
      if (nowUs < nextUs) continue
      nextUs = nowUs + stepUs
      this.#write(startUs)
    }
    this.#write(startUs)
    if (stderr.isTTY) stderr.write('\n')
  }

  /** On a terminal over what was written before, else a line of its own. */
  #write(startUs: number): void {
    const { hooks, world } = this.#options
    const { stderr } = world
    const progress = this.#progress(startUs)
    if (!stderr.isTTY) {
      stderr.write(`${progressLine(progress)}\n`)
      return
    }
    const { columns, rows } = stderr
    const view = hooks.view?.(progress, columns) ?? progressBar(progress, columns)
    const lines = view.split('\n').slice(0, Math.max(1, (rows ?? Infinity) - 1))
    stderr.write(redraw(this.#drawn, lines, columns))
    this.#drawn = lines
  }

  #progress(startUs: number): Progress {
    const { plan, counters, world } = this.#options
    const elapsedUs = world.clock.nowUs() - startUs
    return {
      planned: plan.count,
      due: dueCount(plan.columns.dueUs, elapsedUs),
      elapsedUs,
      lagUs: lagQuantileUs(counters, 0.99),
      ...sumCounts(counters),
    }
  }
}
