/** Every example in every --help runs as it stands, in a folder with the files that the examples name. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { VERBS } from '../../src/cli/verbs.ts'
import { testWorld } from '../support/test-world.ts'

const INFERENCE_PERF = `
api: {type: completion, streaming: true}
load: {type: poisson, stages: [{rate: 5, duration: 4}]}
data:
  type: random
  input_distribution: {mean: 64, std_dev: 20, min: 10, max: 128, total_count: 20}
  output_distribution: {mean: 16, std_dev: 5, min: 4, max: 32, total_count: 20}
server: {type: vllm, model_name: tiny, base_url: 'http://127.0.0.1:8000', ignore_eos: true}
`

/** Verbs that go on until they are told to stop. */
const ENDLESS = new Set(['record', 'engine'])
/** What a measurement on a busy machine may answer; 2, 3 and 4 would be our fault. */
const ANSWERS = [0, 97, 98, 99]
/** Stores that are not in the sandbox; \`share.test.ts\` runs real ones. */
const ELSEWHERE = /s3:\/\/|oci:\/\//
const START_US = 20_000

const root = mkdtempSync(join(tmpdir(), 'trace-examples-'))
const files = join(root, 'files')
const program = resolve('bin/trace.js')
let engine: Running

type Running = Readonly<{ url: string; stop(): Promise<number | null> }>

const verbs = await Promise.all(VERBS.map(({ load }) => load()))

const examples = verbs.flatMap((verb) => {
  const command = verb(testWorld().world, () => {})
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  return help
    .split('\n')
    .filter((line) => line.startsWith('  $ trace '))
    .map((line) => line.slice('  $ trace '.length))
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Starts an endless verb and waits until its address answers a connection. */
async function start(words: readonly string[], port: number): Promise<Running> {
  const child = spawn(process.execPath, [program, ...words], { cwd: files, stdio: 'pipe' })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (said += String(text)))
  const url = `http://127.0.0.1:${port}`
  const endMs = performance.now() + START_US
  for (;;) {
    const isUp = await fetch(`${url}/health`).then(
      () => true,
      () => false,
    )
    if (isUp) break
    if (child.exitCode !== null || performance.now() > endMs)
      throw new Error(`did not start: ${said}`)
    await new Promise((wake) => setTimeout(wake, 50))
  }
  return {
    url,
    async stop() {
      child.kill('SIGINT')
      if (child.exitCode === null) await once(child, 'exit')
      return child.exitCode
    },
  }
}

/** A recorder whose token lies where the examples look for it; `url` is its admin address. */
async function startMarked(folder: string): Promise<Running> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const token = join(folder, 'token')
  writeFileSync(token, 'a-token-of-this-test')
  cpSync(token, join(folder, 'prod.admin-token'))
  const words = ['record', '--upstream', engine.url, '--listen', `127.0.0.1:${port}`]
  words.push('--out', 'marked', '--admin-token-file', token)
  words.push('--admin-listen', `127.0.0.1:${adminPort}`)
  const recorder = await start(words, adminPort)
  return { ...recorder, url: `http://127.0.0.1:${adminPort}` }
}

async function trace(cwd: string, words: readonly string[]) {
  const options = { cwd, stdio: 'pipe', timeout: 150_000 } as const
  const child = spawn(process.execPath, [program, ...words], options)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (said += String(text)))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, said }
}

/** 'a "b c"' → ['a', 'b c'], as a shell splits it. */
function split(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => {
    return single ?? double ?? plain ?? ''
  })
}

beforeAll(async () => {
  cpSync('traces', files, { recursive: true })
  const port = await freePort()
  engine = await start(
    ['engine', '--listen', `127.0.0.1:${port}`, '--profile', 'h100-8b', '--model', 'tiny'],
    port,
  )
  const recorderPort = await freePort()
  const recorder = await start(
    `record --upstream ${engine.url} --listen 127.0.0.1:${recorderPort} --out prod --admin-listen off`.split(
      ' ',
    ),
    recorderPort,
  )
  const { data } = (await (await fetch(`${engine.url}/v1/models`)).json()) as {
    data: { id: string }[]
  }
  for (let turn = 0; turn < 12; turn++) {
    const body = {
      model: data[0]?.id,
      prompt: `word `.repeat(40 + turn),
      max_tokens: 8,
      stream: turn % 2 === 0,
    }
    const answer = await fetch(`${recorder.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    await answer.text()
  }
  assert.equal(await recorder.stop(), 0)
  const rows = Array.from({ length: 60 }, (_, row) => {
    return `2023-11-16 18:17:${String(Math.floor(row / 2)).padStart(2, '0')}.${row % 2}000000,${40 + row},${4 + (row % 5)}`
  })
  writeFileSync(
    join(files, 'AzureLLMInferenceTrace_code.csv'),
    ['TIMESTAMP,ContextTokens,GeneratedTokens', ...rows].join('\n') + '\n',
  )
  const workload = readFileSync('docs/workload.md', 'utf8')
  writeFileSync(join(files, 'chat.yaml'), /```yaml\n([^]*?)```/.exec(workload)?.[1] ?? '')
  writeFileSync(join(files, 'inference-perf.yaml'), INFERENCE_PERF)
  const target = ['--target', engine.url, '--allow-source']
  for (const words of [
    ['convert', 'AzureLLMInferenceTrace_code.csv', 'code.arrow'],
    ['replay', 'prod', ...target, '--out', 'tuesday.sqlite'],
    ['replay', 'prod', ...target, '--shard', '1/2', '--out', 'shard-0.sqlite'],
    ['replay', 'prod', ...target, '--shard', '2/2', '--out', 'shard-1.sqlite'],
    ['convert', 'prod', 'prod.arrow'],
    ['scrub', 'prod', 'partner.arrow', '--preset', 'partner'],
    ['sign', '--new-key', 'ops.pem'],
    ['sign', 'partner.arrow', '--key', 'ops.pem'],
    ['push', 'partner.arrow', 'shelf/nightly.arrow'],
  ]) {
    const { status, said } = await trace(files, words)
    assert.ok(ANSWERS.includes(status ?? 1), `${words.join(' ')}: ${said}`)
  }
  for (const copy of ['monday', 'tuesday'])
    cpSync(join(files, 'prod'), join(files, copy), { recursive: true })
  for (const copy of ['before', 'after'])
    cpSync(join(files, 'tuesday.sqlite'), join(files, `${copy}.sqlite`))
}, 180_000)

afterAll(async () => {
  await engine.stop()
  rmSync(root, { recursive: true, force: true })
})

/** Most of them wait for a clock; those that wait longest begin first. */
const SLOW = ['demo', 'ab', 'replay']
const slowFirst = examples.toSorted((a, b) => rank(a) - rank(b))

function rank(line: string): number {
  const at = SLOW.indexOf(split(line)[0] ?? '')
  return at < 0 ? SLOW.length : at
}

test.concurrent.each(slowFirst)(
  '$ trace %s',
  async (line) => {
    const folder = mkdtempSync(join(root, 'run-'))
    cpSync(files, folder, { recursive: true })
    const [verb = '', ...words] = split(line)
    const port = await freePort()
    const other = await freePort()
    const fitted = words.map((word) =>
      word
        .replaceAll(/(?<=^|=)https?:\/\/[a-z0-9.]+:80\d\d(?=$|\/)/g, engine.url)
        .replace(/^(127\.0\.0\.1|0\.0\.0\.0):(8000|9000)$/, `127.0.0.1:${port}`)
        // A change has to begin before the load ends, and the one here lasts a moment.
        .replace(/ at 10m over 5m$/, ' at 1ms over 1ms')
        .replace(/^9000=/, `${port}=`)
        .replace(/^9001=/, `${other}=`),
    )
    if (ENDLESS.has(verb)) {
      if (verb === 'record') fitted.push('--admin-listen', 'off')
      const running = await start([verb, ...fitted], port)
      assert.equal(await running.stop(), 0)
      return
    }
    const marked = verb === 'mark' ? await startMarked(folder) : null
    if (marked !== null) {
      const at = fitted.indexOf('--admin')
      if (at >= 0) fitted.splice(at, 2)
      fitted.push('--admin', marked.url)
    }
    if (['convert', 'synth', 'scrub'].includes(verb)) fitted.push('--force')
    if (words.includes('--new-key')) rmSync(join(folder, 'ops.pem'))
    if (verb === 'replay' || verb === 'ab') fitted.push('--allow-source')
    const { status, said } = await trace(folder, [verb, ...fitted])
    await marked?.stop()
    const answers = /^pu(?:sh|ll)$/.test(verb) && ELSEWHERE.test(line) ? [4] : ANSWERS
    // Shown where it fails: what it said.
    expect(answers.includes(status ?? 1) ? 'answered' : said).toBe('answered')
  },
  170_000,
)
