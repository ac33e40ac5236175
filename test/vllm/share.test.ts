/** A trace recorded live in front of a real vLLM goes to another team by S3 and by registry, and is replayed there. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sendAlong } from '../support/share-chain.ts'
import { hasShareServers, shareServers } from '../support/share-servers.ts'
import { startRecorder } from '../support/recorder.ts'

const target = process.env['TRACE_VLLM_URL']

const SYSTEM = 'You are the assistant of a small shop. '.repeat(40)
const QUESTIONS = ['When do you open?', 'And on Sundays?', 'What is new?', 'Thank you.']

/** Four people ask, each in a conversation of a few turns, with one system prompt. */
async function talk(url: string): Promise<void> {
  const answers = ['ann', 'bob', 'cem', 'dua'].map(async (person) => {
    const messages: { role: string; content: string }[] = [{ role: 'system', content: SYSTEM }]
    for (const content of QUESTIONS) {
      messages.push({ role: 'user', content })
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer key-of-${person}` },
        body: JSON.stringify({ model: 'tiny', messages, max_tokens: 8, ignore_eos: true }),
      })
      const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
      messages.push({ role: 'assistant', content: choices[0]?.message.content ?? '' })
    }
  })
  await Promise.all(answers)
}

describe.skipIf(target === undefined || !hasShareServers)(
  'a trace of a real vLLM (needs TRACE_VLLM_URL, an S3 server and a registry)',
  () => {
    const servers = shareServers()

    test('is recorded, scrubbed, signed, pushed, pulled elsewhere, verified, inspected and replayed', async () => {
      const recorder = await startRecorder(Number(new URL(target ?? '').port))
      await talk(`http://127.0.0.1:${recorder.port}`)
      await recorder.stop()
      const { directory } = recorder
      expect(readdirSync(directory).some((name) => name.endsWith('.sqlite'))).toBe(true)
      const places = [
        's3://traces/live/{digest}.arrow',
        `oci://${servers.registry.host}/team/live:v1`,
      ]
      expect(await sendAlong(directory, places, servers.s3.env, target ?? '')).toBe(10)
      recorder.remove()
    })
  },
)
