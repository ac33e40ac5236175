/** A thread that only relays; what it sees goes to the observer of the main thread. Effects: sockets. */
import { systemClock } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { parentPort, workerData } from '../base/threads.ts'
import { every } from './every.ts'
import { portLink } from './observer-link.ts'
import type { FromRelay, RelayWork, ToRelay } from './relay-messages.ts'
import { RelayUnit } from './relay-unit.ts'

const STATUS_US = 200_000

class RelayThread {
  readonly #unit: RelayUnit
  readonly #closing = new AbortController()
  #isWriting = true

  constructor(work: RelayWork) {
    this.#unit = new RelayUnit({
      work,
      clock: systemClock,
      startObserver: null,
      onMessage: () => undefined,
      isRecording: () => {
        return this.#isWriting && this.#unit.feed.isUp && !this.#unit.feed.isPaused
      },
    })
  }

  /** Resolves once it was told to close. */
  async run(): Promise<void> {
    try {
      await this.#unit.open()
    } catch (error) {
      if (!(error instanceof TraceError)) throw error
      return say({ type: 'refused', code: error.code, message: error.message })
    }
    say({ type: 'listening' })
    await every(STATUS_US, this.#closing.signal, () => this.#sayStatus())
    this.#sayStatus()
  }

  async take(message: ToRelay): Promise<void> {
    const { relay, feed } = this.#unit
    switch (message.type) {
      case 'observer':
        return feed.attach(portLink(message.port))
      case 'begin':
        return this.#unit.begin()
      case 'reload':
        // The main thread read the same files a moment ago and has said what is wrong with them.
        return this.#unit.reload().catch(() => undefined)
      case 'recording':
        this.#isWriting = message.isWriting
        return feed.setPaused(message.isPaused)
      case 'idle':
        return relay.closeIdle(message.pairs, message.beforeUs)
      case 'drain':
        relay.stopAccepting()
        await relay.empty()
        return say({ type: 'empty' })
      case 'cut':
        return relay.cutAll()
      case 'close':
        await this.#unit.close(message.patienceUs)
        this.#closing.abort()
    }
  }

  #sayStatus(): void {
    say({ type: 'status', status: this.#unit.status })
  }
}

function say(message: FromRelay): void {
  parentPort?.postMessage(message)
}

const thread = new RelayThread(workerData as RelayWork)
parentPort?.on('message', (message: ToRelay) => void thread.take(message))
await thread.run()
parentPort?.close()
