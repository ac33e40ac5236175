/** Gathers lines into large writes, and counts what was left out. Pure, but for the output. */
import type { ExportResult, Output } from './exporter.ts'

const FLUSH_CHARS = 1_000_000

export class RowWriter {
  readonly #output: Output
  readonly #skipped = new Map<string, number>()
  #text = ''
  #rowCount = 0

  constructor(output: Output) {
    this.#output = output
  }

  readonly skip = (reason: string): void => {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1)
  }

  /** A line that is no row, such as a header. */
  async head(line: string): Promise<void> {
    this.#text += `${line}\n`
    if (this.#text.length > FLUSH_CHARS) await this.#flush()
  }

  async line(line: string): Promise<void> {
    this.#rowCount += 1
    await this.head(line)
  }

  async end(notes: readonly string[] = []): Promise<ExportResult> {
    await this.#flush()
    return { rowCount: this.#rowCount, skipped: this.#skipped, notes }
  }

  async #flush(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text !== '') await this.#output.write(text)
  }
}
