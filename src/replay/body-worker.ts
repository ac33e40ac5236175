/**
 * Thread that builds bodies ahead of time, in a bounded window, so that the sending threads never do.
 * Effects: messages to the sending threads; in session mode asks the target's tokenizer.
 */
import { pause } from '../base/clock.ts'
import { giveWay, parentPort, workerData, type MessagePort } from '../base/threads.ts'
import type { Plan, ReplayMode } from '../workload/plan.ts'
import { NONE } from '../workload/plan.ts'
import { BodyBatcher } from './body-batcher.ts'
import { BodyBuilder, type BuildOptions } from './body-builder.ts'
import { Conversations, type FillerCounts, type ParentEnd } from './conversation.ts'
import { Counters } from './counters.ts'
import { Family } from './family.ts'
import { portTokenizer } from './local-tokenizer.ts'
import { workerOf } from './partition.ts'
import { serverTokenizer, type TokenizerClient } from './tokenizer-client.ts'
import type { TokenizerPlace } from './tokenizers.ts'

export type BodyWorkerData = Readonly<{
  plan: Pick<Plan, 'columns' | 'shapes' | 'blocks' | 'count'> & Readonly<{ mode: ReplayMode }>
  options: BuildOptions
  /** One port and one set of counters for each sending thread. */
  ports: readonly MessagePort[]
  counters: readonly SharedArrayBuffer[]
  /** The same of the thread that reads answers. */
  read: SharedArrayBuffer
  /** Where answers come from that later turns quote. */
  ends: MessagePort
  /** In session mode one for each target; null where nobody would tell. */
  tokenizers: readonly (TokenizerPlace | null)[]
}>

export type BodyReply = Readonly<{ kind: 'primed' } | { kind: 'built'; fillers: FillerCounts }>

/** Built and not yet sent, for all sending threads together. */
const WINDOW_BYTES = 48_000_000
const WINDOW_REQUESTS = 8_192
/** Ended and not yet read: where more are sent than can be written down, sends have to wait for it. */
const MOST_UNREAD = 16_384
/** A window that is full is looked at again so soon; it holds seconds of load. */
const PAUSE_US = 5_000

class BodyThread {
  readonly #data: BodyWorkerData
  readonly #builder: BodyBuilder
  readonly #counters: readonly Counters[]
  readonly #read: Counters
  readonly #family: Family
  readonly #conversations: Conversations
  readonly #batcher: BodyBatcher
  readonly #say: (reply: BodyReply) => void
  #isPrimed = false

  constructor(
    data: BodyWorkerData,
    tokenizers: readonly (TokenizerClient | null)[],
    say: (reply: BodyReply) => void,
  ) {
    const { plan, options } = data
    this.#data = data
    this.#say = say
    this.#builder = new BodyBuilder(plan, options)
    this.#counters = data.counters.map((memory) => new Counters(memory))
    this.#read = new Counters(data.read)
    this.#batcher = new BodyBatcher(this.#builder, data.ports)
    this.#family = new Family(this.#isSession ? plan.columns.parent : new Uint32Array(0))
    const targetOf = (index: number) => options.targetOfShape[plan.columns.shape[index]!] ?? 0
    this.#conversations = new Conversations(
      plan,
      this.#family,
      (index) => this.#builder.promptsOf(index),
      (index) => tokenizers[targetOf(index)] ?? null,
      (index) => options.targets[targetOf(index)]?.keepsResponses === true,
    )
  }

  get #isSession(): boolean {
    return this.#data.plan.mode.kind === 'session'
  }

  /** Builds what needs nobody's answer, then waits for answers. */
  async run(): Promise<void> {
    const { plan, ends } = this.#data
    if (this.#isSession) ends.on('message', (end: ParentEnd) => void this.#follow(end))
    for (let index = 0; index < plan.count; index += 1) {
      if (this.#isSession && plan.columns.parent[index]! !== NONE) continue
      if (this.#isFull()) {
        this.#prime()
        while (this.#isFull()) await pause(PAUSE_US)
      }
      const isQuoted = this.#isSession && this.#family.hasChildren(index)
      this.#batcher.add(this.#workerOf(index), index, { isQuoted })
    }
    this.#prime()
    this.#endIfAllBuilt()
  }

  #isFull(): boolean {
    const total = (name: 'released' | 'releasedBytes' | 'done') =>
      this.#counters.reduce((sum, each) => sum + each.get(name), 0)
    return (
      this.#batcher.requests - total('released') >= WINDOW_REQUESTS ||
      this.#batcher.bytes - total('releasedBytes') >= WINDOW_BYTES ||
      total('done') - this.#read.get('read') >= MOST_UNREAD
    )
  }

  #prime(): void {
    this.#batcher.flush(false)
    if (!this.#isPrimed) this.#say({ kind: 'primed' })
    this.#isPrimed = true
  }

  async #follow(end: ParentEnd): Promise<void> {
    const { thinkUs } = this.#data.plan.columns
    for (const child of this.#family.childrenOf(end.index)) {
      const quote = await this.#conversations.promptOf(child, end)
      const dueUs = Math.round(end.endedAtUs + thinkUs[child]!)
      const isQuoted = this.#family.hasChildren(child)
      this.#batcher.add(this.#workerOf(child), child, { ...quote, dueUs, isQuoted })
    }
    this.#conversations.forget(end.index)
    this.#batcher.flush(false)
    this.#endIfAllBuilt()
  }

  #endIfAllBuilt(): void {
    if (this.#batcher.requests < this.#data.plan.count) return
    this.#batcher.flush(true)
    this.#say({ kind: 'built', fillers: this.#conversations.fillers })
  }

  #workerOf(index: number): number {
    const root = this.#isSession ? this.#family.rootOf(index) : index
    return workerOf(this.#data.plan.columns.session[index]!, root, this.#data.ports.length)
  }
}

/** Only a session quotes answers; the client is not loaded for anything else. */
async function openTokenizers({ plan, tokenizers }: BodyWorkerData) {
  if (plan.mode.kind !== 'session') return []
  const { HttpClient } = await import('../base/http.ts')
  return tokenizers.map((place) => {
    if (place === null) return null
    if (!('url' in place)) return portTokenizer(place)
    return serverTokenizer(new HttpClient(place.http), new URL(place.url), place.model)
  })
}

/** What is built ahead and what is read afterwards waits for the thread that sends. */
const BACKGROUND_NICENESS = 10

if (parentPort !== null) {
  giveWay(BACKGROUND_NICENESS)
  const port = parentPort
  const data = workerData as BodyWorkerData
  const say = (reply: BodyReply) => port.postMessage(reply)
  await new BodyThread(data, await openTokenizers(data), say).run()
}
