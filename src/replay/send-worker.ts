/** Thread that sends: bodies in, results out, sockets between. Effects: network, messages. */
import { pause, systemClock } from '../base/clock.ts'
import { drawFor } from '../base/random.ts'
import { tlsContext } from '../base/socket.ts'
import { watchLoop } from '../base/machine.ts'
import { parentPort, workerData, type MessagePort } from '../base/threads.ts'
import { Admission } from './admission.ts'
import { systemAlarm, type Pacing } from './alarm.ts'
import type { BodyBatch } from './body-batcher.ts'
import type { ThreadLoad } from './client-load.ts'
import { Counters } from './counters.ts'
import type { FlightResult } from './flight-result.ts'
import type { ConnectionMode } from './link.ts'
import type { BreakerPolicy, RetryPolicy } from './retry.ts'
import { Metronome } from './metronome.ts'
import { requestAt } from './request-pack.ts'
import { ResultPacker } from './result-pack.ts'
import type { ResultMessage } from './result-worker.ts'
import type { SenderLimits } from './sender-options.ts'
import { Sender } from './sender.ts'
import { socketWires } from './socket-wire.ts'
import { warmUp } from './warm-up.ts'

export type SendTarget = Readonly<{
  host: string
  port: number
  tls: Readonly<{
    serverName: string
    isInsecure: boolean
    ca?: string
    cert?: string
    key?: string
  }> | null
}>

export type SendWorkerData = Readonly<{
  /** Which of the sending threads. */
  worker: number
  targets: readonly SendTarget[]
  limits: SenderLimits
  pacing: Pacing
  maxInFlight: number
  maxPerSecond: number
  /** Answers are quoted by later turns: none may wait for company. */
  isSession: boolean
  /** Closed loop: so many at once in this thread; null for open. */
  concurrency: number | null
  connections: ConnectionMode
  retry: RetryPolicy | null
  breaker: BreakerPolicy | null
  seed: string
  counters: SharedArrayBuffer
  admission: SharedArrayBuffer
  bodies: MessagePort
  results: MessagePort
}>

export type SendCommand = Readonly<{ kind: 'start'; startUs: number } | { kind: 'stop' }>

export type SendReply = Readonly<
  { kind: 'ready' } | { kind: 'done'; results: number } | { kind: 'load'; load: ThreadLoad }
>

/** Results travel together: a message costs more than a result. */
const RESULTS_PER_MESSAGE = 64
const BYTES_PER_MESSAGE = 1_000_000
const RESULTS_WAIT_US = 50_000
const LOAD_STEP_US = 1_000_000

class ResultBox {
  readonly #port: MessagePort
  readonly #perMessage: number
  readonly #packer = new ResultPacker()
  sent = 0
  /** Due 0 of the run; what comes before it only warms up. */
  startUs: number | null = null

  constructor(port: MessagePort, perMessage: number) {
    this.#port = port
    this.#perMessage = perMessage
  }

  add(result: FlightResult): void {
    this.#packer.add(result)
    const { count, byteCount } = this.#packer
    if (count >= this.#perMessage || byteCount >= BYTES_PER_MESSAGE) this.flush()
  }

  flush(): void {
    if (this.#packer.count === 0) return
    this.sent += this.#packer.count
    this.#post(this.#packer)
  }

  /** For the thread that reads answers, whose code is cold too. */
  postWarmUp(results: readonly FlightResult[]): void {
    const packer = new ResultPacker()
    for (const result of results) packer.add(result)
    this.#post(packer)
  }

  #post(packer: ResultPacker): void {
    const packed = packer.take()
    const { fields, bytes } = packed
    const buffers = [fields, bytes].map(({ buffer }) => buffer as ArrayBuffer)
    const { startUs } = this
    this.#port.postMessage({ packed, startUs } satisfies ResultMessage, buffers)
  }
}

async function run(data: SendWorkerData, port: MessagePort): Promise<void> {
  const box = new ResultBox(data.results, data.isSession ? 1 : RESULTS_PER_MESSAGE)
  const counters = new Counters(data.counters)
  const { maxInFlight, maxPerSecond } = data
  const metronome = data.pacing === 'precise' ? new Metronome() : null
  const makeAlarm = systemAlarm(systemClock, metronome)
  box.postWarmUp(await warmUp(makeAlarm))
  const sender = new Sender({
    clock: systemClock,
    makeAlarm,
    openWire: socketWires(
      data.targets.map(({ host, port: number, tls }) => ({
        host,
        port: number,
        tls: tls === null ? null : { ...tls, context: tlsContext('--tls', tls) },
      })),
    ),
    counters,
    admission: new Admission({ maxInFlight, maxPerSecond }, data.admission),
    limits: data.limits,
    concurrency: data.concurrency,
    connections: data.connections,
    retry: data.retry,
    breaker: data.breaker,
    draw: drawFor(data.seed, 'retry'),
    onResult: (result) => box.add(result),
  })
  const state = { isFed: false, isStopped: false }
  const backlog: BodyBatch[] = []
  const take = (batch: BodyBatch, startUs: number) => {
    for (let at = 0; at < batch.ends.length; at += 1) {
      const bytes = batch.bytes.subarray(at === 0 ? 0 : batch.ends[at - 1], batch.ends[at])
      sender.add(requestAt(batch.requests, at, startUs), bytes)
    }
    state.isFed ||= batch.isLast
  }
  data.bodies.on('message', (batch: BodyBatch) => {
    if (box.startUs === null) backlog.push(batch)
    else if (!state.isStopped) take(batch, box.startUs)
  })
  port.on('message', (command: SendCommand) => {
    if (command.kind === 'start') {
      box.startUs = command.startUs
      for (const batch of backlog.splice(0)) take(batch, command.startUs)
    } else {
      state.isStopped = true
      sender.stop()
    }
  })
  const isOver = () => state.isStopped || (state.isFed && sender.pendingCount === 0)
  port.postMessage({ kind: 'ready' } satisfies SendReply)
  await report(data.worker, port, box, isOver)
  data.bodies.close()
  metronome?.close()
}

/** Passes results and figures on until everything has ended. */
async function report(
  worker: number,
  port: MessagePort,
  box: ResultBox,
  isOver: () => boolean,
): Promise<void> {
  const loop = watchLoop()
  let loadAtUs = systemClock.nowUs() + LOAD_STEP_US
  while (!isOver()) {
    await pause(RESULTS_WAIT_US)
    box.flush()
    const atUs = systemClock.nowUs()
    if (atUs < loadAtUs) continue
    loadAtUs += LOAD_STEP_US
    port.postMessage({
      kind: 'load',
      load: { worker, atUs, loop: loop.sample() },
    } satisfies SendReply)
  }
  const load = { worker, atUs: systemClock.nowUs(), loop: loop.sample() }
  port.postMessage({ kind: 'load', load } satisfies SendReply)
  loop.close()
  box.flush()
  port.postMessage({ kind: 'done', results: box.sent } satisfies SendReply)
}

if (parentPort !== null) await run(workerData as SendWorkerData, parentPort)
