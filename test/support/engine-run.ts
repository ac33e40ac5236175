/**
 * Replays against the simulated engine on virtual time, good ones and faulty ones, for measuring how often
 * the verdict is right. The scheduler, its metrics page, the reader of that page and the account of what was
 * delivered are the real ones; the client is a model of one thread that sends and reads.
 */
import { sequenceFor } from '../../src/base/random.ts'
import { EngineMetrics } from '../../src/engine/metrics.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import {
  beginStep,
  createScheduler,
  endStep,
  enqueue,
  finishSequence,
} from '../../src/engine/scheduler.ts'
import type { Sequence } from '../../src/engine/sequence.ts'
import { countFidelity, newFidelity } from '../../src/replay/fidelity.ts'
import { metricRows, parseMetrics } from '../../src/replay/server-metrics.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import type { RequestRow, SampleRow } from '../../src/trace/columns.ts'
import { type Ask, type Knobs, sortAsks, turnKnob, type FaultName } from './engine-faults.ts'
import { ClientThread } from './engine-client.ts'
import type { UnsavedTrace } from './unsaved-trace.ts'

const SCRAPE_US = 10_000_000
const UPLOAD_US = 30
/** One way between client and server. */
const NETWORK_US = 150
const PROFILES = ['l4-3b', 'h100-8b'] as const

/**
 * A Poisson load of some hundred requests, some of which hang up; at most half of what the engine can do. With odd
 * seeds its whole answers tell the server's own times.
 *
 * @param wish.server asks this one the load that was drawn for another
 * @param wish.count so many requests
 */
export function engineRun(
  seed: number,
  fault: FaultName | null,
  wish: Readonly<{ server?: (typeof PROFILES)[number]; count?: number }> = {},
): UnsavedTrace {
  const draw = sequenceFor(String(seed), 'engine run')
  const profile = PROFILES[Math.floor(draw() * PROFILES.length)]!
  const gapUs = (profile === 'l4-3b' ? 150_000 : 60_000) * (1 + 2 * draw())
  const hangUpShare = draw() < 0.5 ? 0 : 0.1 * draw()
  let dueUs = 0
  const drawnCount = 300 + Math.floor(draw() * 300)
  const asks = Array.from({ length: wish.count ?? drawnCount }, (_, index): Ask => {
    dueUs += Math.round(-Math.log(1 - draw()) * gapUs)
    const outputTokens = 2 + Math.floor(draw() * 60)
    const hangUpAfter = draw() < hangUpShare ? Math.ceil(outputTokens * draw()) : 0
    return {
      index,
      dueUs,
      promptTokens: 20 + Math.floor(draw() * 500),
      outputTokens,
      answerTokens: outputTokens,
      hangUpAfter: hangUpAfter < outputTokens ? hangUpAfter : 0,
      isForeign: false,
      isRefused: false,
    }
  })
  const knobs = turnKnob(fault, asks, draw)
  return new EngineRun(wish.server ?? profile, asks, knobs, draw, seed % 2 === 1).play()
}

type Flight = { ask: Ask; row: Partial<RequestRow>; sentUs: number; times: number[] }

class EngineRun {
  readonly #settings
  readonly #asks: readonly Ask[]
  readonly #knobs: Knobs
  readonly #client: ClientThread
  readonly #rows: Partial<RequestRow>[] = []
  readonly #samples: SampleRow[] = []
  readonly #flights = new Map<Sequence, Flight>()
  readonly #arriving: { atUs: number; ask: Ask; flight: Flight | null }[] = []
  readonly #ownCount: number
  #scheduler
  #metrics
  #freeUs = 0
  #nextScrapeUs = 0
  #isRestarted = false
  #nextId = 0
  readonly #tellsTimes

  constructor(
    profile: string,
    asks: readonly Ask[],
    knobs: Knobs,
    draw: () => number,
    tellsTimes: boolean,
  ) {
    this.#tellsTimes = tellsTimes
    this.#settings = parseEngineOptions({
      ...ENGINE_DEFAULTS,
      profile,
      prefixCaching: false,
    }).settings
    this.#ownCount = asks.length
    this.#asks = sortAsks([...asks, ...knobs.foreign])
    this.#knobs = knobs
    this.#client = new ClientThread(knobs, draw)
    this.#scheduler = createScheduler(this.#settings.profile, false)
    this.#metrics = new EngineMetrics(this.#settings, 0)
  }

  play(): UnsavedTrace {
    this.#scrape(0)
    let next = 0
    for (;;) {
      const ask = this.#asks[next]
      const serverUs = this.#serverUs()
      if (ask === undefined && serverUs === Infinity) break
      const nowUs = Math.min(ask?.dueUs ?? Infinity, serverUs)
      this.#passTime(nowUs)
      if (ask !== undefined && ask.dueUs <= nowUs) {
        this.#send(ask)
        next += 1
      } else if (this.#scheduler.step === null) this.#beginStep(serverUs)
      else this.#endStep(serverUs)
    }
    const endUs = Math.max(this.#freeUs, this.#client.freeUs) + 1_000_000
    this.#scrape(endUs)
    this.#samples.push(...this.#client.samples(endUs))
    return this.#trace()
  }

  /** When the server does its next thing. */
  #serverUs(): number {
    const { step, running, waiting } = this.#scheduler
    if (step !== null) return step.endUs
    if (running.length + waiting.length > 0) return this.#freeUs
    return Math.max(this.#freeUs, this.#arriving[0]?.atUs ?? Infinity)
  }

  #passTime(nowUs: number): void {
    while (this.#nextScrapeUs <= nowUs) this.#scrape(this.#nextScrapeUs)
    const { restartAtUs } = this.#knobs
    if (restartAtUs === null || nowUs < restartAtUs || this.#isRestarted) return
    this.#isRestarted = true
    this.#scheduler = createScheduler(this.#settings.profile, false)
    this.#metrics = new EngineMetrics(this.#settings, 0)
    const lost = [...this.#flights.values(), ...this.#arriving.map(({ flight }) => flight)]
    for (const flight of lost) if (flight) this.#end(flight, 'upstream_reset')
    this.#flights.clear()
    this.#arriving.length = 0
    this.#freeUs = restartAtUs
  }

  #send(ask: Ask): void {
    if (ask.isForeign) {
      this.#arriving.push({ atUs: ask.dueUs, ask, flight: null })
      this.#arriving.sort((a, b) => a.atUs - b.atUs)
      return
    }
    const startUs = this.#client.send(ask.dueUs)
    const flight: Flight = { ask, row: {}, sentUs: startUs + UPLOAD_US, times: [] }
    flight.row = {
      atUs: ask.dueUs,
      lagUs: startUs - ask.dueUs,
      sourceSeq: ask.index,
      uploadUs: UPLOAD_US,
      connectUs: NETWORK_US,
      connection: 'new',
      stream: true,
      promptTokens: ask.promptTokens,
    }
    if (this.#flights.size >= this.#knobs.maxInFlight) {
      flight.row.lagUs = null
      this.#end(flight, 'not_sent')
    } else if (ask.isRefused) {
      this.#answered(500)
      this.#end(flight, 'http_error')
    } else this.#arriving.push({ atUs: flight.sentUs + NETWORK_US, ask, flight })
  }

  #beginStep(nowUs: number): void {
    while (this.#arriving[0] !== undefined && this.#arriving[0].atUs <= nowUs) {
      const { atUs, ask, flight } = this.#arriving.shift()!
      this.#nextId += 1
      const sequence = enqueue(this.#scheduler, {
        id: this.#nextId,
        promptTokens: Array.from({ length: ask.promptTokens }, () => ask.index),
        maxTokens: ask.answerTokens,
        salt: 1,
        skipsCache: true,
        arrivedUs: atUs,
        queuedUs: atUs,
        nextToken: () => ({ token: 5, isLast: false }),
      })
      if (flight) this.#flights.set(sequence, flight)
    }
    beginStep(this.#scheduler, nowUs)
  }

  #endStep(nowUs: number): void {
    this.#freeUs = nowUs
    const outputs = endStep(this.#scheduler)
    this.#metrics.stepped(outputs)
    for (const { sequence } of outputs) {
      if (sequence.finish !== null) {
        this.#metrics.finished(sequence)
        this.#answered(200)
      }
      const flight = this.#flights.get(sequence)
      if (flight === undefined) continue
      flight.times.push(this.#client.read(nowUs + NETWORK_US) - flight.sentUs)
      const isHangUp = flight.times.length === flight.ask.hangUpAfter
      if (!isHangUp && sequence.finish === null) continue
      if (isHangUp) {
        finishSequence(this.#scheduler, sequence, 'abort')
        this.#answered(200)
      }
      this.#flights.delete(sequence)
      if (this.#tellsTimes && !isHangUp) Object.assign(flight.row, serverTimes(sequence))
      this.#end(flight, isHangUp ? 'client_abort' : 'ok')
    }
  }

  #end({ row, times, ask }: Flight, outcome: NonNullable<RequestRow['outcome']>): void {
    row.outcome = outcome
    row.status = outcome === 'http_error' ? 500 : times.length > 0 ? 200 : null
    if (times.length > 0) {
      row.ttftUs = times[0]!
      row.outputTokens = times.length
      row.tokenSource = 'server'
      row.chunkTimes = encodeChunkTimes(times)
      if (outcome === 'ok') row.e2eUs = times.at(-1)!
      if (outcome === 'client_abort') row.abortUs = times.at(-1)!
    }
    this.#rows[ask.index] = row
  }

  #answered(status: number): void {
    const sizes = { requestBytes: 1_000, responseBytes: 10_000, tookUs: 1 }
    this.#metrics.answered({ handler: '/v1/completions', method: 'POST', status, ...sizes })
  }

  #scrape(atUs: number): void {
    this.#nextScrapeUs = atUs + SCRAPE_US
    const page = this.#metrics.render(this.#scheduler, this.#scheduler.waiting.length)
    this.#samples.push(...metricRows(parseMetrics(page), atUs, null))
  }

  #trace(): UnsavedTrace {
    const fidelity = newFidelity(this.#ownCount)
    for (const ask of this.#asks) {
      if (ask.isForeign) continue
      countFidelity(fidelity, this.#rows[ask.index]!, {
        promptTokens: ask.promptTokens,
        outputTokens: ask.outputTokens,
        abortTokens: ask.hangUpAfter,
        isHangUp: ask.hangUpAfter > 0,
        isStructured: false,
      })
    }
    const kept = Math.ceil(this.#rows.length * (1 - this.#knobs.cutShare))
    const isComplete = kept === this.#rows.length
    const events = [{ atUs: this.#freeUs, kind: 'fidelity', detail: JSON.stringify(fidelity) }]
    return {
      kind: 'replayed',
      requests: this.#rows.slice(0, kept),
      samples: this.#samples,
      events: isComplete ? events : [],
      isComplete,
    }
  }
}

/** As vLLM tells them beside the usage of an answer. */
function serverTimes({ queuedUs, scheduledUs, firstTokenUs }: Sequence) {
  return { serverQueueUs: scheduledUs! - queuedUs, serverTtftUs: firstTokenUs! - scheduledUs! }
}
