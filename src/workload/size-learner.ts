/** Learns how many bytes a token takes, from rows that know both. Pure. */
import { IS_SAMPLE } from './source-flags.ts'
import type { SourceColumns } from './source-row.ts'

/**
 * Bytes of JSON a token, where a trace has nothing to learn it from: English text in one request body;
 * one answer in one body; one event of a stream.
 */
const DEFAULT_RATIOS: SizeRatios = { prompt: 4, whole: 5, stream: 200 }

/** Bytes a token. */
export type SizeRatios = Readonly<{ prompt: number; whole: number; stream: number }>

export class SizeLearner {
  readonly #bytes = { prompt: 0, whole: 0, stream: 0 }
  readonly #tokens = { prompt: 0, whole: 0, stream: 0 }

  /** @param flags the row's marks: only rows that ended well teach */
  learn(source: SourceColumns, row: number, flags: number): void {
    if ((flags & IS_SAMPLE) === 0) return
    const answer = source.stream[row] === 0 ? 'whole' : 'stream'
    this.#add('prompt', source.requestBytes[row]!, source.promptTokens[row]!)
    this.#add(answer, source.responseBytes[row]!, source.outputTokens[row]!)
  }

  #add(kind: keyof SizeRatios, bytes: number, tokens: number): void {
    if (!(bytes > 0 && tokens > 0)) return
    this.#bytes[kind] += bytes
    this.#tokens[kind] += tokens
  }

  ratios(): SizeRatios {
    const ratio = (kind: keyof SizeRatios) =>
      this.#tokens[kind] === 0 ? DEFAULT_RATIOS[kind] : this.#bytes[kind] / this.#tokens[kind]
    return { prompt: ratio('prompt'), whole: ratio('whole'), stream: ratio('stream') }
  }
}
