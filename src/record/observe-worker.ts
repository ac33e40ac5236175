/**
 * The observer's thread: reads batches of the relay, writes rows. If it dies, traffic does not notice.
 * Effects: writes the recording; talks to its parent.
 */
import { basename } from 'node:path'
import { pause, systemClock } from '../base/clock.ts'
import { HttpClient } from '../base/http.ts'
import { type MessagePort, parentPort, sleepThread, workerData } from '../base/threads.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { EventRow } from '../trace/columns.ts'
import type { TraceHeader } from '../trace/header.ts'
import { measureSegments, retainSegments, segmentIsThere } from '../trace/retention.ts'
import { type Recording, openRecording } from '../trace/segment.ts'
import { createAdapterLists } from './adapter-lists.ts'
import { readBatch } from './batch.ts'
import { ExchangeEnricher } from './enrich.ts'
import { every } from './every.ts'
import type { BatchMessage, FromObserver, ObserverCounts, ToObserver } from './messages.ts'
import { MetricsScrape, SCRAPE_US } from './metrics-scrape.ts'
import { Observer } from './observer.ts'
import type { ObserverConfig } from './observer-config.ts'
import type { CountPrompt } from './prompt-count.ts'
import { RowKeeper } from './row-keeper.ts'
import { Slices } from './slices.ts'
import { questionTls } from './tls-material.ts'
import { createTokenSampler } from './token-sampler.ts'
import { startTokenizer, type TokenizerThread } from './tokenizer-thread.ts'

/** What came is on disk after at most this and the relay's own wait. */
const FLUSH_US = 100_000
/** A batch that comes this long after the last write is written at once. */
const WRITE_GAP_US = 50_000
/** At the end, rows that wait for a count get so long. */
const LATE_ROWS_US = 2_000_000
/** Files are measured once in so many flushes. */
const MEASURE_TICKS = 20

class ObserverThread {
  readonly #config: ObserverConfig
  readonly #keeper: RowKeeper
  readonly #observer: Observer
  readonly #closing = new AbortController()
  readonly #client: HttpClient
  /** Of relaying threads beside the main one. */
  readonly #ports = new Set<MessagePort>()
  readonly #slices = new Slices({ nowUs: () => systemClock.nowUs(), nap: sleepThread })
  #tokenizer: TokenizerThread | null = null
  #metrics: MetricsScrape | null = null
  #originUs: number
  #isDraining = false
  #ticks = 0
  #wroteAtUs = 0
  #disk = { segments: 0, bytes: 0 }
  /** Told once the keeper is there to take them. */
  #restarts: EventRow[] = []
  #server: TraceHeader['server'] | null = null

  constructor(config: ObserverConfig, client: HttpClient) {
    this.#config = config
    this.#client = client
    this.#originUs = config.originUs
    this.#keeper = new RowKeeper({
      nowUs: () => systemClock.nowUs(),
      openRecording: () => this.#openRecording(),
      maxRows: config.maxRows,
      rotateBytes: config.rotateBytes,
      rotateUs: config.rotateUs,
      isThere: segmentIsThere,
      lateHeader: () => (this.#server === null ? {} : { server: this.#server }),
      onRotated: (recording) => this.#retain(recording),
      onState: (state, reason) => this.#say({ type: 'writer', state, reason }),
    })
    this.#observer = new Observer({
      keeper: this.#keeper,
      enricher: new ExchangeEnricher({
        secret: config.secret,
        observe: config.observe,
        hasBlock: (id) => this.#keeper.recording?.hasBlock(id) === true,
        countPrompt: this.#promptCounter(),
        parentOf: createAdapterLists({
          clock: systemClock,
          client: this.#client,
          origins: config.origins,
          apiKey: config.apiKey,
        }),
      }),
      originUs: () => this.#originUs,
      limits: config.limits,
    })
  }

  /** Resolves once the recording is closed. */
  async run(): Promise<void> {
    const { signal } = this.#closing
    this.#sayCounts()
    void this.#scrape()
    const scraping = every(SCRAPE_US, signal, () => void this.#scrape())
    await every(FLUSH_US, signal, () => this.#tick())
    await scraping
    const patience = new AbortController()
    const late = pause(LATE_ROWS_US, patience.signal).catch(() => undefined)
    await Promise.race([Promise.all([this.#observer.settled(), this.#scrape()]), late])
    patience.abort()
    await this.#tokenizer?.close()
    await this.#client.close()
    this.#observer.writeOpenRows()
    this.#keeper.close()
    this.#disk = measureSegments(this.#config.directory)
    this.#say({ type: 'closed', counts: this.#counts(), digest: null })
    for (const port of this.#ports) port.close()
  }

  #scrape(): Promise<void> {
    this.#metrics ??= new MetricsScrape(this.#client, this.#config.observe.metricsUrls, {
      addSamples: (rows) => this.#keeper.addSamples(rows),
      addEvent: (row) => this.#keeper.addEvent(row),
      note: (rows) => this.#observer.noteMetrics(rows),
    })
    return this.#metrics.read(systemClock.nowUs() - this.#originUs)
  }

  /** A tokenizer of ours where one is named, else the upstream's. */
  #promptCounter(): CountPrompt {
    const { observe, origins, apiKey } = this.#config
    if (observe.tokenizer !== null) {
      this.#tokenizer = startTokenizer(observe.tokenizer)
      return this.#tokenizer.count
    }
    return createTokenSampler({
      clock: systemClock,
      client: this.#client,
      perSec: observe.tokenizePerSec,
      origins,
      apiKey,
    })
  }

  /** @param sender: only that thread wants to know when a batch was read */
  take(message: ToObserver, sender: MessagePort): void {
    switch (message.type) {
      case 'batch':
        return this.#takeBatch(message, sender)
      case 'attach':
        return this.#attach(message.index, message.port)
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

  /** A relaying thread that ends leaves connections behind that nobody tells of any more. */
  #attach(index: number, port: MessagePort): void {
    this.#ports.add(port)
    port.on('message', (message: ToObserver) => this.take(message, port))
    port.on('close', () => {
      this.#ports.delete(port)
      this.#observer.forgetThread(index, systemClock.nowUs())
    })
  }

  #takeBatch({ number, memory, sizeBytes, postedAtUs }: BatchMessage, sender: MessagePort): void {
    this.#slices.begin(postedAtUs)
    readBatch(memory, sizeBytes, (kind, id, atUs, bytes, from, to) => {
      this.#observer.take(kind, id, atUs, bytes, from, to)
      this.#slices.step()
    })
    if (systemClock.nowUs() - this.#wroteAtUs >= WRITE_GAP_US) this.#write()
    sender.postMessage({ type: 'done', counts: this.#counts(), number } satisfies FromObserver)
  }

  #write(): void {
    for (const event of this.#restarts.splice(0)) this.#keeper.addEvent(event)
    this.#observer.writeOpenRows()
    this.#keeper.flush()
    this.#wroteAtUs = systemClock.nowUs()
  }

  #tick(): void {
    this.#write()
    this.#ticks += 1
    if (this.#ticks % MEASURE_TICKS === 0) this.#disk = measureSegments(this.#config.directory)
    if (this.#isDraining) this.#say({ type: 'idle', pairs: this.#observer.idlePairs() })
    this.#sayCounts()
  }

  #sayCounts(): void {
    this.#say({ type: 'done', counts: this.#counts(), number: null })
  }

  #counts(): ObserverCounts {
    const { writtenCount: recorded, gapCount: gapRows, lostCount: lostRows } = this.#keeper
    const { bytes: fileBytes, segments } = this.#disk
    return { ...this.#observer.counts, recorded, gapRows, lostRows, fileBytes, segments }
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

  #say(message: FromObserver): void {
    parentPort?.postMessage(message)
  }
}

const config = workerData as ObserverConfig
const tls = await questionTls(config.tls)
const thread = new ObserverThread(config, new HttpClient({ tls }))
const main = parentPort
main?.on('message', (message: ToObserver) => thread.take(message, main))
await thread.run()
parentPort?.close()
