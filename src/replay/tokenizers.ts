/** Who is asked about the tokens of each model in one run. Effects: starts a thread for each tokenizer of ours. */
import type { HttpOptions } from '../base/http.ts'
import type { MessagePort } from '../base/threads.ts'
import { LocalTokenizer, portTokenizer } from './local-tokenizer.ts'
import type { NamedTokenizer } from './options.ts'
import type { Preflight } from './preflight.ts'
import { rootUrl } from './target-facts.ts'
import type { TokenizerClient } from './tokenizer-client.ts'

/** For another thread: an address, or a line to a tokenizer's thread. */
export type TokenizerPlace =
  | Readonly<{ url: string; model: string; http: HttpOptions }>
  | MessagePort

type Opened = NamedTokenizer & Readonly<{ local: LocalTokenizer; client: TokenizerClient }>

export class Tokenizers {
  readonly #opened: readonly Opened[]

  private constructor(opened: readonly Opened[]) {
    this.#opened = opened
  }

  /** @throws TraceError BAD_OPTION if one cannot be loaded */
  static async open(named: readonly NamedTokenizer[]): Promise<Tokenizers> {
    const opened: Opened[] = []
    try {
      for (const each of named) {
        const local = await LocalTokenizer.open(each.place)
        opened.push({ ...each, local, client: portTokenizer(local.port()) })
      }
      return new Tokenizers(opened)
    } catch (error) {
      await Promise.all(opened.map(async ({ local }) => local.close()))
      throw error
    }
  }

  /** @returns null where only the server can tell */
  clientOf(model: string): TokenizerClient | null {
    return this.#of(model)?.client ?? null
  }

  /** For the thread that makes later turns; null where nobody would tell it. */
  placesOf({ targets, servers }: Preflight, http: HttpOptions): (TokenizerPlace | null)[] {
    return targets.map(({ vocabulary, model, server }) => {
      if (vocabulary.ids === null) return null
      const own = this.#of(model)
      if (own !== undefined) return own.local.port()
      return { url: rootUrl(servers[server]!.facts.url, '/').href, model, http }
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map(async ({ local }) => local.close()))
  }

  #of(model: string): Opened | undefined {
    const isNamed = (each: Opened) => each.model === model
    return this.#opened.find(isNamed) ?? this.#opened.find((each) => each.model === null)
  }
}
