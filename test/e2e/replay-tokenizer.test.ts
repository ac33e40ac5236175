/** Sizes of prompts on servers that tell nothing of their tokenizer but what they counted. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { countPairs, renderPairs, writePairTokenizer } from '../support/pair-tokenizer.ts'
import { runReplay } from '../support/replay-run.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trace-model-'))
  writePairTokenizer(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

type Asked = Readonly<{
  messages?: readonly { role: string; content: string }[]
  prompt?: string
  input?: string
  max_tokens: number
}>

/** An OpenAI-like server without /tokenize. */
async function serve(count: (text: string) => number) {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => void parts.push(part))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      if (request.url === '/v1/models') return response.end('{"data":[{"id":"m"}]}')
      if (request.method === 'GET') return response.writeHead(404).end()
      const asked = JSON.parse(Buffer.concat(parts).toString()) as Asked
      const said = asked.messages ?? [{ role: 'user', content: asked.input ?? '' }]
      const prompt_tokens = count(asked.prompt ?? renderPairs(said))
      const usage = { prompt_tokens, completion_tokens: asked.max_tokens }
      const choice = { index: 0, finish_reason: 'length', text: ' ab', message: { content: ' ab' } }
      return response.end(JSON.stringify({ choices: [choice], usage }))
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { server, target: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const rows = Array.from({ length: 24 }, (_, at): HandRow => ({
  dueUs: at * 5_000,
  isStream: false,
  endpoint: at % 2 === 0 ? 'chat' : 'completions',
  promptTokens: 40 + at * 13,
}))
const planned = rows.map(({ promptTokens }) => promptTokens)

test("with the model's own tokenizer each prompt has the planned size on a server that does not tokenize", async () => {
  const { server, target } = await serve(countPairs)
  const run = await runReplay(handPlan(rows), { target, tokenizer: [folder] })
  server.close()
  expect(run.rows.map(({ promptTokens }) => promptTokens)).toEqual(planned)
  expect(run.fidelity).toMatchObject({ promptExact: rows.length, promptOff: 0 })
  expect(run.said).not.toContain('estimates')
  expect(run.header.tokenizer).toBe(folder.split('/').at(-1))
})

test('later turns quote the answer and have their size, counted by the local tokenizer', async () => {
  const { server, target } = await serve(countPairs)
  const turns = Array.from({ length: 4 }, (_, at): HandRow => ({
    dueUs: at * 1_000,
    isStream: false,
    endpoint: 'chat',
    session: 0,
    promptTokens: 60 + at * 50,
    ...(at === 0 ? {} : { parent: at - 1, thinkUs: 1_000 }),
  }))
  const plan = handPlan(turns, [], { kind: 'session' })
  const run = await runReplay(plan, { target, tokenizer: [`m=${folder}`] })
  server.close()
  expect(run.rows.toSorted((a, b) => a.seq - b.seq).map((row) => row.promptTokens)).toEqual(
    turns.map(({ promptTokens }) => promptTokens),
  )
  expect(run.fidelity.fillers).toEqual({})
})

test('without any tokenizer, what the server counts in two small prompts makes common words exact', async () => {
  const { server, target } = await serve((text) => text.split(/[ <>|]+/).length)
  const run = await runReplay(handPlan(rows), { target })
  server.close()
  expect(run.rows.map(({ promptTokens }) => promptTokens)).toEqual(planned)
  expect(run.said).not.toContain('estimates')
})

test('where words are no tokens, sizes are called estimates', async () => {
  const { server, target } = await serve(countPairs)
  const run = await runReplay(handPlan(rows), { target })
  server.close()
  expect(run.said).toContain('prompt sizes are estimates; --tokenizer DIR|ID may make them exact')
})

test('a folder that holds no tokenizer is refused before anything is sent', async () => {
  const { server, target } = await serve(countPairs)
  const empty = mkdtempSync(join(tmpdir(), 'trace-empty-'))
  await expect(runReplay(handPlan(rows), { target, tokenizer: [empty] })).rejects.toMatchObject({
    code: 'BAD_OPTION',
  })
  expect(readdirSync(empty)).toEqual([])
  rmSync(empty, { recursive: true })
  server.close()
})
