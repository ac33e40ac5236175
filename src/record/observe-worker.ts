/**
 * The observer's thread: reads batches of the relay, writes rows. If it dies, traffic does not notice.
 * Effects: writes the recording; talks to its parent.
 */
import { basename } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { parentPort, workerData } from '../base/threads.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { EventRow } from '../trace/columns.ts'
import type { TraceHeader } from '../trace/header.ts'
import { measureSegments, retainSegments, segmentIsThere } from '../trace/retention.ts'
import { type Recording, openRecording } from '../trace/segment.ts'
import { readBatch } from './batch.ts'
import { PLAIN_ENRICHER } from './enricher.ts'
import { every } from './every.ts'
import type { FromObserver, ObserverCounts, ToObserver } from './messages.ts'
import { Observer } from './observer.ts'
import type { ObserverConfig } from './observer-config.ts'
import { RowKeeper } from './row-keeper.ts'

/** An arrival is on disk after at most this and the relay's own wait. */
const FLUSH_US = 100_000
/** Files are measured once in so many flushes. */
const MEASURE_TICKS = 20

class ObserverThread {
  readonly #config: ObserverConfig
  readonly #keeper: RowKeeper
  readonly #observer: Observer
  readonly #closing = new AbortController()
  #originUs: number
  #isDraining = false
  #ticks = 0
  #disk = { segments: 0, bytes: 0 }
  /** Told once the keeper is there to take them. */
  #restarts: EventRow[] = []
  #server: TraceHeader['server'] | null = null

  constructor(config: ObserverConfig) {
    this.#config = config
    this.#originUs = config.originUs
    this.#keeper = new RowKeeper({
      nowUs: () => systemClock.nowUs(),
      openRecording: () => this.#openRecording(),
      maxRows: config.maxRows,
      rotateBytes: config.rotateBytes,
      rotateUs: config.rotateUs,
      isThere: segmentIsThere,
      lateHeader: () => this.#lateHeader(),
      onRotated: (recording) => this.#retain(recording),
      onState: (state, reason) => this.#say({ type: 'writer', state, reason }),
    })
    this.#observer = new Observer({
      keeper: this.#keeper,
      enricher: PLAIN_ENRICHER,
      originUs: () => this.#originUs,
      limits: config.limits,
    })
  }

  /** Resolves once the recording is closed. */
  async run(): Promise<void> {
    await every(FLUSH_US, this.#closing.signal, () => this.#tick())
    this.#observer.writeOpenRows()
    this.#keeper.close()
    this.#disk = measureSegments(this.#config.directory)
    this.#say({ type: 'closed', counts: this.#counts(), digest: null })
  }

  take(message: ToObserver): void {
    switch (message.type) {
      case 'batch':
        return this.#takeBatch(message.memory, message.sizeBytes, message.recordCount)
      case 'gap': {
        const { fromUs, toUs, count, reason } = message.gap
        const origin = this.#originUs
        return this.#keeper.addGap({ fromUs: fromUs - origin, toUs: toUs - origin, count, reason })
      }
      case 'event': {
        const atUs = message.atUs - this.#originUs
        const detail = canonicalJson(message.detail)
        return this.#keeper.addEvent({ atUs, kind: message.kind, detail })
      }
      case 'rotate':
        return this.#keeper.rotate()
      case 'server':
        this.#server = message.server
        return
      case 'drain':
        this.#isDraining = true
        return
      case 'close':
        this.#closing.abort()
    }
  }

  #takeBatch(memory: ArrayBuffer, sizeBytes: number, recordCount: number): void {
    const bytes = Buffer.from(memory)
    readBatch(memory, sizeBytes, (kind, id, atUs, _bytes, from, to) =>
      this.#observer.take(kind, id, atUs, bytes, from, to),
    )
    this.#say({ type: 'done', sizeBytes, recordCount, counts: this.#counts() })
  }

  #tick(): void {
    for (const event of this.#restarts.splice(0)) this.#keeper.addEvent(event)
    this.#observer.writeOpenRows()
    this.#keeper.flush()
    this.#ticks += 1
    if (this.#ticks % MEASURE_TICKS === 0) this.#disk = measureSegments(this.#config.directory)
    if (this.#isDraining) this.#say({ type: 'idle', pairs: this.#observer.idlePairs() })
    this.#say({ type: 'done', sizeBytes: 0, recordCount: 0, counts: this.#counts() })
  }

  #counts(): ObserverCounts {
    const keeper = this.#keeper
    return {
      ...this.#observer.counts,
      recorded: keeper.writtenCount,
      gapRows: keeper.gapCount,
      lostRows: keeper.lostCount,
      fileBytes: this.#disk.bytes,
      segments: this.#disk.segments,
    }
  }

  #openRecording(): Recording {
    const { directory, header } = this.#config
    const recording = openRecording(directory, header)
    const { originWallUs } = recording.header
    // A recording that goes on keeps its origin, so that its times go on too.
    if (originWallUs !== null) {
      this.#originUs = systemClock.nowUs() - (systemClock.wallUs() - originWallUs)
    }
    if (!recording.isNew) this.#noteRestart(recording)
    this.#retain(recording)
    return recording
  }

  #noteRestart({ recovered, segmentPath }: Recording): void {
    const atUs = systemClock.nowUs() - this.#originUs
    const detail = canonicalJson({ ...recovered, segment: basename(segmentPath) })
    this.#restarts.push({ atUs, kind: 'restart', detail })
  }

  #retain(recording: Recording): void {
    const { directory, retention } = this.#config
    retainSegments(directory, recording, retention, systemClock.wallUs())
    this.#disk = measureSegments(directory)
  }

  /** What became known only while recording. */
  #lateHeader(): Partial<TraceHeader> {
    return this.#server === null ? {} : { server: this.#server }
  }

  #say(message: FromObserver): void {
    parentPort?.postMessage(message, [])
  }
}

const thread = new ObserverThread(workerData as ObserverConfig)
parentPort?.on('message', (message: ToObserver) => thread.take(message))
await thread.run()
parentPort?.close()
