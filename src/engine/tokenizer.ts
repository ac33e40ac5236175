/**
 * Text to token ids and back, exactly: decoding what was encoded gives the text again. Pure.
 *
 * Text is cut into runs (a space and letters; anything else), and each run into the longest entries of
 * the vocabulary, from the left. Every byte is an entry, so nothing is unknown.
 */
import { SPECIAL_TEXTS, TURN_END, TURN_START, vocabulary } from './vocabulary.ts'

/** A run of letters with the space before it, as most tokenizers cut. */
const RUNS = / ?[A-Za-z]+|[^A-Za-z ]+| +(?![A-Za-z])| /g

export function encode(text: string): number[] {
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  const { idOf } = vocabulary()
  const ids: number[] = []
  for (const [run] of bytes.matchAll(RUNS)) {
    const whole = idOf.get(run)
    if (whole === undefined) encodeRun(run, ids)
    else ids.push(whole)
  }
  return ids
}

function encodeRun(run: string, ids: number[]): void {
  const { idOf, longestBytes } = vocabulary()
  for (let at = 0; at < run.length;) {
    let size = Math.min(longestBytes, run.length - at)
    let id = idOf.get(run.slice(at, at + size))
    while (id === undefined) {
      size -= 1
      id = idOf.get(run.slice(at, at + size))
    }
    ids.push(id)
    at += size
  }
}

/** What one id stands for, one character a byte. */
export function bytesOf(id: number): string {
  return vocabulary().texts[id] ?? SPECIAL_TEXTS[id] ?? ''
}

/** Special entries have no text in an answer. */
export function answerBytesOf(id: number): string {
  return vocabulary().texts[id] ?? ''
}

export function decode(ids: readonly number[]): string {
  return Buffer.from(ids.map(bytesOf).join(''), 'latin1').toString('utf8')
}

/** How byte-level vocabularies show an entry: bytes that cannot be printed are moved up. */
export function shownToken(id: number): string {
  const shown = Array.from(bytesOf(id), (byte) => SHOWN_BYTES[byte.charCodeAt(0)] ?? '')
  return SPECIAL_TEXTS[id] ?? shown.join('')
}

const SHOWN_BYTES: readonly string[] = showBytes()

function showBytes(): string[] {
  let movedCount = 0
  return Array.from({ length: 256 }, (_, byte) => {
    const isPlain = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    if (isPlain) return String.fromCharCode(byte)
    movedCount += 1
    return String.fromCharCode(255 + movedCount)
  })
}

export type Turn = Readonly<{ role: string; content: string }>

/**
 * The chat template: `<|im_start|>role`, newline, content, `<|im_end|>`, newline; then the answer's head.
 *
 * @param ending 'head': an answer begins; 'closed': nothing follows; 'open': the last turn goes on
 */
export function encodeChat(
  turns: readonly Turn[],
  ending: 'head' | 'closed' | 'open' = 'head',
): number[] {
  const ids: number[] = []
  const push = (more: readonly number[]) => {
    for (const id of more) ids.push(id)
  }
  for (const [index, { role, content }] of turns.entries()) {
    ids.push(TURN_START)
    push(encode(`${role}\n`))
    push(encode(content))
    if (ending === 'open' && index === turns.length - 1) return ids
    ids.push(TURN_END)
    push(encode('\n'))
  }
  if (ending === 'head') {
    ids.push(TURN_START)
    push(encode('assistant\n'))
  }
  return ids
}
