/**
 * The observer's thread: reads batches of the relay, writes rows. If it dies, traffic does not notice.
 * Effects: writes the recording; talks to its parent.
 */
import { pause, systemClock } from '../base/clock.ts'
import type { HttpClient } from '../base/http.ts'
import { giveWay, type MessagePort, parentPort, sleepThread, workerData } from '../base/threads.ts'
import { LiveResults } from '../replay/live-results.ts'
import { canonicalJson } from '../trace/canonical.ts'
import { segmentIsThere } from '../trace/retention.ts'
import { createAdapterLists } from './adapter-lists.ts'
import { readBatch } from './batch.ts'
import { ExchangeEnricher } from './enrich.ts'
import { every } from './every.ts'
import type { BatchMessage, FromObserver, ObserverCounts, ToObserver } from './messages.ts'
import { MetricsScrape, SCRAPE_US } from './metrics-scrape.ts'
import { Observer } from './observer.ts'
import type { ObserverConfig } from './observer-config.ts'
import type { CountPrompt } from './prompt-count.ts'
import { RecordingFolder } from './recording-folder.ts'
import { RowKeeper } from './row-keeper.ts'
import { Slices } from './slices.ts'
import { questionClient, questionTls } from './tls-material.ts'
import { createTokenSampler } from './token-sampler.ts'
import { startTokenizer, type TokenizerThread } from './tokenizer-thread.ts'

/** What came is on disk after at most this and the relay's own wait. */
const FLUSH_US = 100_000
/** A batch that comes this long after the last write is written at once. */
const WRITE_GAP_US = 50_000
/** On a core that is full, bytes go first: what is late in being looked at may be shed, no client waits. */
const NICENESS = 5
/** At the end, rows that wait for a count get so long. */
const LATE_ROWS_US = 2_000_000
/** Files are measured once in so many flushes. */
const MEASURE_TICKS = 20

class ObserverThread {
  readonly #config: ObserverConfig
  readonly #folder: RecordingFolder
  readonly #keeper: RowKeeper
  readonly #observer: Observer
  readonly #closing = new AbortController()
  readonly #client: HttpClient
  /** Of relaying threads beside the main one. */
  readonly #ports = new Set<MessagePort>()
  readonly #slices = new Slices({ nowUs: () => systemClock.nowUs(), nap: sleepThread })
  #tokenizer: TokenizerThread | null = null
  #metrics: MetricsScrape | null = null
  #isDraining = false
  #ticks = 0
  #wroteAtUs = 0

  constructor(config: ObserverConfig, client: HttpClient) {
    this.#config = config
    this.#client = client
    const answers = new LiveResults(0, config.answers)
    this.#folder = new RecordingFolder(config, systemClock)
    this.#keeper = new RowKeeper({
      nowUs: () => systemClock.nowUs(),
      openRecording: () => this.#folder.open(),
      maxRows: config.maxRows,
      maxBytes: config.maxRowBytes,
      rotateBytes: config.rotateBytes,
      rotateUs: config.rotateUs,
      isThere: segmentIsThere,
      lateHeader: () => this.#folder.lateHeader(),
      onRotated: (recording) => this.#folder.retain(recording),
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
      originUs: () => this.#folder.originUs,
      limits: config.limits,
      // Counted from sent, as rows are: the way of the request is the client's.
      onEnded: (row) => answers.add(0, { ...row, uploadUs: null }, []),
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
    this.#folder.measure()
    this.#say({ type: 'closed', counts: this.#counts(), digest: null })
    for (const port of this.#ports) port.close()
  }

  #scrape(): Promise<void> {
    this.#metrics ??= new MetricsScrape(this.#client, this.#config.observe.metricsUrls, {
      addSamples: (rows) => this.#keeper.addSamples(rows),
      addEvent: (row) => this.#keeper.addEvent(row),
      note: (rows) => this.#observer.noteMetrics(rows),
    })
    return this.#metrics.read(this.#folder.nowUs)
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
        const origin = this.#folder.originUs
        return this.#keeper.addGap({ fromUs: fromUs - origin, toUs: toUs - origin, count, reason })
      }
      case 'event': {
        const atUs = message.atUs - this.#folder.originUs
        const detail = canonicalJson(message.detail)
        return this.#keeper.addEvent({ atUs, kind: message.kind, detail })
      }
      case 'rotate':
        return this.#keeper.rotate()
      case 'reload':
        return void questionTls(this.#config.tls).then((found) => this.#client.renewTls(found))
      case 'server':
        return void (this.#folder.server = message.server)
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
    for (const event of this.#folder.takeRestarts()) this.#keeper.addEvent(event)
    this.#observer.writeOpenRows()
    this.#keeper.flush()
    this.#wroteAtUs = systemClock.nowUs()
  }

  #tick(): void {
    this.#write()
    this.#ticks += 1
    if (this.#ticks % MEASURE_TICKS === 0) this.#folder.measure()
    if (this.#isDraining) this.#say({ type: 'idle', pairs: this.#observer.idlePairs() })
    this.#sayCounts()
  }

  #sayCounts(): void {
    this.#say({ type: 'done', counts: this.#counts(), number: null })
  }

  #counts(): ObserverCounts {
    const { writtenCount: recorded, gapCount: gapRows, lostCount: lostRows } = this.#keeper
    const { bytes: fileBytes, segments } = this.#folder.size
    return { ...this.#observer.counts, recorded, gapRows, lostRows, fileBytes, segments }
  }

  #say(message: FromObserver): void {
    parentPort?.postMessage(message)
  }
}

const config = workerData as ObserverConfig
const thread = new ObserverThread(config, await questionClient(config.tls))
const main = parentPort
main?.on('message', (message: ToObserver) => thread.take(message, main))
giveWay(NICENESS)
await thread.run()
parentPort?.close()
