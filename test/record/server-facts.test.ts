/** What a server says of itself. */
import { expect, test } from 'vitest'
import type { HttpClient } from '../../src/base/http.ts'
import { readServerFacts } from '../../src/record/server-facts.ts'

function factsOf(pages: Readonly<Record<string, unknown>>) {
  const callJson = (url: URL) => Promise.resolve(pages[url.pathname] ?? null)
  return readServerFacts({ callJson } as unknown as HttpClient, new URL('http://a:8000'))
}

const models = (owner: string) => ({ data: [{ id: 'm', owned_by: owner, max_model_len: 4096 }] })

test('a version alone makes no vLLM of a server whose models belong to another', async () => {
  const pages = { '/version': { version: '0.32.0' }, '/v1/models': models('vllm') }
  expect(await factsOf(pages)).toEqual({
    software: 'vLLM',
    version: '0.32.0',
    models: ['m'],
    maxModelTokens: 4096,
  })
  const other = { '/version': { version: '1.1.0' }, '/v1/models': models('tensorrt_llm') }
  expect(await factsOf(other)).toMatchObject({ software: null, version: '1.1.0', models: ['m'] })
})

test('a server that keeps its models behind a key is taken at its version', async () => {
  const closed = { '/version': { version: '0.32.0' }, '/v1/models': { error: 'Unauthorized' } }
  expect(await factsOf(closed)).toMatchObject({ software: 'vLLM', models: [] })
  expect(await factsOf({})).toMatchObject({ software: null, version: null })
})
