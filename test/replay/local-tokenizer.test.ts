import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { portTokenizer } from '../../src/replay/local-tokenizer.ts'

test('a tokenizer whose thread is gone answers with nothing, now and later', async () => {
  const { port1, port2 } = new MessageChannel()
  const client = portTokenizer(port1)
  const asked = client.tokenize('hello')
  port2.close()
  expect(await asked).toBeNull()
  expect(await client.detokenize([1])).toBeNull()
})
