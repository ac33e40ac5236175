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
  #half: 'none' | 'passed' | 'taken' | 'held' = 'none'
  /** A choice's last event, until the next one is there. */
  #last = ''
  #lead = ''

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
    const half = this.#endHalf(piece)
    const held = this.#last
    const text = this.#partial + (half === null ? piece : piece.slice(1))
    let out = half ?? ''
    let from = 0
    for (const { index, 0: end } of text.matchAll(EVENT_END)) {
      const to = index + end.length
      const event = text.slice(from, to)
      const passed = this.#passOn(event)
      if (to === text.length && end.endsWith('\r')) this.#half = this.#halfOf(event, passed)
      out += passed
      from = to
    }
    this.#partial = text.slice(from)
    if (!this.isActive) out += this.#restText()
    else if (this.#partial.length > MAX_HELD) out += this.#passLong()
    if (held !== '' && out.startsWith(held)) {
      this.#lead = held
      out = out.slice(held.length)
    }
    return out === piece ? bytes : Buffer.from(out, 'latin1')
  }

  /** What was held of an earlier piece and passes now, before what `take` gave. */
  takeLead(): Buffer {
    const lead = this.#lead
    this.#lead = ''
    return Buffer.from(lead, 'latin1')
  }

  /** @returns what passes of the LF that begins the piece and ends an event; null if there is none */
  #endHalf(piece: string): string | null {
    const half = this.#half
    if (piece !== '') this.#half = 'none'
    if (half === 'none' || !piece.startsWith('\n')) return null
    if (half === 'held') this.#last += '\n'
    return half === 'passed' ? '\n' : ''
  }

  #halfOf(event: string, passed: string): 'passed' | 'taken' | 'held' {
    if (passed.endsWith(event)) return 'passed'
    return this.#last === '' ? 'taken' : 'held'
  }

  #passLong(): string {
    this.#isLong = true
    const passed = this.#takeLast() + this.#partial.slice(0, -LONGEST_END)
    this.#partial = this.#partial.slice(-LONGEST_END)
    return passed
  }

  /** What is held of an event that does not end. */
  rest(): Buffer {
    return Buffer.from(this.#restText(), 'latin1')
  }

  #restText(): string {
    const rest = this.#takeLast() + this.#partial
    this.#partial = ''
    return rest
  }

  #takeLast(): string {
    const last = this.#last
    this.#last = ''
    return last
  }

  /** @param event with its end @returns it, what was held before it, neither or both */
  #passOn(event: string): string {
    const isWhole = !this.#isLong
    this.#isLong = false
    const before = this.#takeLast()
    if (!this.#isActive || !isWhole) return before + event
    if (!/"usage"\s*:\s*\{/.test(event)) {
      if (!/"finish_reason"\s*:\s*"/.test(event)) return before + event
      this.#last = event
      return before
    }
    if (/"choices"\s*:\s*\[\s*\]/.test(event)) return withFingerprint(before, event)
    // A server that counts in every event does so unasked, and would have sent the last one, too.
    this.#isActive = false
    return before + event
  }
}

/**
 * vLLM names its fingerprint in the last event of a choice, but in the usage event where there is one.
 *
 * @param last of the choice that ended just before; '' if there is none
 */
function withFingerprint(last: string, usage: string): string {
  const mark = /"system_fingerprint"\s*:\s*"[\w.-]*"/.exec(usage)?.[0]
  if (last === '' || mark === undefined || last.includes('"system_fingerprint"')) return last
  const end = last.lastIndexOf('}')
  return `${last.slice(0, end)},${mark}${last.slice(end)}`
}
