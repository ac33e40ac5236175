import { expect, test } from 'vitest'
import type { HttpClient } from '../../src/base/http.ts'
import { rootUrl } from '../../src/replay/target-facts.ts'
import { serverTokenizer } from '../../src/replay/tokenizer-client.ts'

test("a tokenizer is asked where the server's other routes stand, under a gateway's path too", async () => {
  const asked: string[] = []
  const client = {
    callJson: async (url: URL) => {
      asked.push(url.href)
      return { tokens: [1], prompt: 'a' }
    },
  } as unknown as HttpClient
  for (const address of ['http://gateway/llm/v1', 'http://server:8000']) {
    const tokenizer = serverTokenizer(client, rootUrl(new URL(address), '/'), 'tiny')
    expect(await tokenizer.tokenize('a')).toEqual([1])
    expect(await tokenizer.detokenize([1])).toBe('a')
  }
  expect(asked).toEqual([
    'http://gateway/llm/tokenize',
    'http://gateway/llm/detokenize',
    'http://server:8000/tokenize',
    'http://server:8000/detokenize',
  ])
})
