/** A server's own tokenizer, asked over HTTP. Effects: network. */
import type { HttpClient } from '../base/http.ts'

export type ChatMessage = Readonly<{ role: string; content: unknown }>

export interface TokenizerClient {
  /**
   * Token ids of a text; null where the server does not tell.
   *
   * @param isWhole with the special tokens that a bare prompt gets
   */
  tokenize(text: string, isWhole?: boolean): Promise<readonly number[] | null>
  /** Token ids of messages under the model's template; null where the server does not tell. */
  tokenizeChat(messages: readonly ChatMessage[], tools: unknown): Promise<readonly number[] | null>
  /** Text of token ids; null where the server does not tell. */
  detokenize(tokenIds: readonly number[]): Promise<string | null>
}

/** vLLM's routes. @param rootUrl where they stand, beside /v1; ends with a slash */
export function serverTokenizer(client: HttpClient, rootUrl: URL, model: string): TokenizerClient {
  const tokenizeUrl = new URL('tokenize', rootUrl)
  const detokenizeUrl = new URL('detokenize', rootUrl)
  const tokens = async (json: unknown) => tokenIdsOf(await client.callJson(tokenizeUrl, { json }))
  return {
    tokenize: async (text, isWhole = false) =>
      tokens({ model, prompt: text, add_special_tokens: isWhole }),
    tokenizeChat: async (messages, tools) =>
      tokens({ model, messages, ...(tools === null ? {} : { tools }) }),
    async detokenize(tokenIds) {
      const answer = await client.callJson(detokenizeUrl, { json: { model, tokens: tokenIds } })
      const { prompt } = (answer ?? {}) as { prompt?: unknown }
      return typeof prompt === 'string' ? prompt : null
    },
  }
}

function tokenIdsOf(answer: unknown): readonly number[] | null {
  const { tokens } = (answer ?? {}) as { tokens?: unknown }
  return Array.isArray(tokens) && tokens.every(Number.isSafeInteger) ? (tokens as number[]) : null
}
