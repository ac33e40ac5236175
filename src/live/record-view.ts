/**
 * A recorder as it goes, in a browser: pictures of its last minutes, and its switches for who has the
 * token. A thread of its own draws, and only while someone watches: the relay has better to do. Effects:
 * a thread.
 */
import { formatBytes, plural } from '../base/format.ts'
import { startThread, type Worker } from '../base/threads.ts'
import type { RecordControl } from '../record/control.ts'
import { every } from '../record/every.ts'
import { liveText, type RecordStatus } from '../record/record-text.ts'
import { bucketQuantileUs, countsSince } from '../stats/octaves.ts'
import { AnswerWindow } from './answer-window.ts'
import { LivePage } from './live-page.ts'
import type { RecordPoint } from './record-pictures.ts'

const STEP_US = 1_000_000
/** Ten minutes at one point a second. */
const MAX_POINTS = 600

const CONTROLS = `<form id="switches">
<p><label>Token <input id="token" type="password" autocomplete="off" size="24"></label>
<button type="submit" value="pause">Stop recording, let traffic pass</button>
<button type="submit" value="resume">Record again</button>
<button type="submit" value="rotate">Begin a new segment</button></p>
</form>`

const SCRIPT = `const DONE = { pause: 'Not recording; traffic passes.', resume: 'Recording.', rotate: 'A new segment begins.' }
byId('switches').onsubmit = async (event) => {
  event.preventDefault()
  const what = event.submitter.value
  const headers = { authorization: 'Bearer ' + byId('token').value.trim() }
  const { status } = await fetch(what, { method: 'POST', headers }).catch(() => ({ status: 0 }))
  say(status === 200 ? DONE[what] : status === 401 ? 'That token is not this recorder’s: it lies beside the recording, in NAME.admin-token.' : 'The recorder did not answer.')
}`

export class RecordView {
  readonly page = new LivePage({
    title: 'trace record',
    controls: CONTROLS,
    script: SCRIPT,
    endWords: 'The recorder has ended.',
  })
  readonly #control: RecordControl
  readonly #points: RecordPoint[] = []
  readonly #answers: AnswerWindow
  #before: RecordStatus
  #drawer: Worker | null = null
  /** A picture is being drawn: what comes meanwhile is in the next. */
  #isDrawing = false

  constructor(control: RecordControl) {
    this.#control = control
    this.#answers = new AnswerWindow(control.answers)
    this.#before = control.status()
  }

  /** Takes a point each second until the signal; resolves then. */
  async run(signal: AbortSignal): Promise<void> {
    await every(STEP_US, signal, () => this.tick())
  }

  tick(): void {
    const status = this.#control.status()
    const before = this.#before
    const seconds = (status.elapsedUs - before.elapsedUs) / 1e6
    if (seconds <= 0) return
    const rate = (now: number, then: number) => (now - then) / seconds
    const { counts } = status
    const delays = countsSince(status.delays.counts, before.delays.counts)
    this.#before = status
    this.#points.push({
      elapsedUs: status.elapsedUs,
      requestsPerSec: rate(counts.requests, before.counts.requests),
      ...this.#answers.look(seconds),
      inFlight: counts.inFlight,
      connections: status.connections,
      hungUpPerSec: rate(counts.hungUp, before.counts.hungUp),
      failedPerSec: rate(counts.failed, before.counts.failed),
      unrecordedPerSec: rate(status.unrecorded, before.unrecorded),
      addedP50Us: bucketQuantileUs(delays, 0.5),
      addedP99Us: bucketQuantileUs(delays, 0.99),
    })
    if (this.#points.length > MAX_POINTS) this.#points.shift()
    if (!this.page.isWatched) this.#rest()
    else if (!this.#isDrawing) this.#draw(lineOf(this.#control, status, before))
  }

  end(): void {
    this.page.end()
    this.#rest()
  }

  #draw(line: string): void {
    this.#drawer ??= this.#start()
    this.#isDrawing = true
    this.#drawer.once('message', (pictures: string) => {
      this.#isDrawing = false
      this.page.show(line, pictures)
    })
    this.#drawer.postMessage(this.#points)
  }

  #start(): Worker {
    const thread = startThread(import.meta.url, './record-pictures-worker')
    // Pictures are not worth a recorder: without the thread there are none.
    thread.on('error', () => this.#rest())
    thread.unref()
    return thread
  }

  #rest(): void {
    void this.#drawer?.terminate()
    this.#drawer = null
    this.#isDrawing = false
  }
}

function lineOf(control: RecordControl, status: RecordStatus, before: RecordStatus): string {
  const { segments, fileBytes } = status.counts
  return [
    ...(control.isPaused ? ['NOT RECORDING: switched off'] : []),
    ...(control.isDraining ? ['draining'] : []),
    liveText(status, before).trim(),
    `${plural(segments, 'segment')}, ${formatBytes(fileBytes)}`,
  ].join(' · ')
}
