/** Takes the usage event, which was asked for on a client's behalf, out of an event stream. Pure. */

/** A longer event is no usage: its bytes are not held until its end. */
const MAX_HELD = 16_384
/** The end of an event can lie across two pieces of it. */
const LONGEST_END = 3
/** Two line ends, each of them CRLF, LF or CR. */
const EVENT_END = /(?:\r\n|\n|\r(?!\n)){2}/g

export class UsageFilter {
  #isActive: boolean
  /** Of an event whose end is still to come, one character a byte. */
  #partial = ''
  /** The beginning of that event has passed already. */
  #isLong = false
  /** The last event ended with a CR whose LF may still come, and go where the event went. */
  #half: 'none' | 'passed' | 'taken' = 'none'

  /** @param isActive false: all passes */
  constructor(isActive: boolean) {
    this.#isActive = isActive
  }

  /** Whether it may still take anything out. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** @returns what passes now; the very same bytes where nothing is held or taken out */
  take(bytes: Buffer): Buffer {
    if (!this.#isActive) return bytes
    const piece = bytes.toString('latin1')
    const isSecondHalf = this.#half !== 'none' && piece.startsWith('\n')
    let out = isSecondHalf && this.#half === 'passed' ? '\n' : ''
    const text = this.#partial + (isSecondHalf ? piece.slice(1) : piece)
    if (piece !== '') this.#half = 'none'
    let from = 0
    for (const { index, 0: end } of text.matchAll(EVENT_END)) {
      const to = index + end.length
      const passed = this.#passOn(text.slice(from, to))
      const isHalf = to === text.length && end.endsWith('\r')
      if (isHalf) this.#half = passed === '' ? 'taken' : 'passed'
      out += passed
      from = to
    }
    this.#partial = text.slice(from)
    if (!this.isActive) out += this.#restText()
    if (this.#partial.length > MAX_HELD) {
      this.#isLong = true
      out += this.#partial.slice(0, -LONGEST_END)
      this.#partial = this.#partial.slice(-LONGEST_END)
    }
    return out === piece ? bytes : Buffer.from(out, 'latin1')
  }

  /** What is held of an event that does not end. */
  rest(): Buffer {
    return Buffer.from(this.#restText(), 'latin1')
  }

  #restText(): string {
    const rest = this.#partial
    this.#partial = ''
    return rest
  }

  /** @param event with its end @returns '' for the one that was asked for */
  #passOn(event: string): string {
    const isWhole = !this.#isLong
    this.#isLong = false
    if (!this.#isActive || !isWhole || !/"usage"\s*:\s*\{/.test(event)) return event
    if (/"choices"\s*:\s*\[\s*\]/.test(event)) return ''
    // A server that counts in every event does so unasked, and would have sent the last one, too.
    this.#isActive = false
    return event
  }
}
