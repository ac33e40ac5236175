import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import type { EventRow, RequestRow, SampleRow } from '../../src/trace/columns.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { scratchFolder } from '../support/scratch.ts'
import { testWorld } from '../support/test-world.ts'

const path = scratchFolder()

/** What a stranger may have put where JSON is expected. */
const VALUES: Readonly<Record<string, string>> = {
  'no JSON': 'SECRET\u001B[2J',
  'cut off': '{"a":',
  nothing: '',
  null: 'null',
  'a number': '1e308',
  'a text': '"SECRET\\u001b]0;x\\u0007"',
  'a flag': 'true',
  'an object where a list belongs': '{"seq":{},"delayUs":[],"text":7}',
  'a list where an object belongs': '[null,1,"a",{}]',
  'lists too deep': '['.repeat(100_000) + ']'.repeat(100_000),
  'objects too deep': '{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000),
  'a long list': `[${'[],'.repeat(80_000)}[]]`,
  'huge sizes': '[[1e308,-1,1e999],[0,0,0]]',
  'a wait beyond all time': '[{"delayUs":1e308,"relation":"\\u001b","seq":0,"trigger":"end"}]',
  'numbers as texts':
    '{"beyond":"9","errorUs":"1","offsetUs":"x","objective":{},"sent":"many","temperature":"SECRET"}',
  'numbers that are none': '{"offsetUs":1e999,"errorUs":-1,"sent":-1e308,"temperature":-1e999}',
  'a prototype': '{"__proto__":{"a":1},"constructor":null,"finished_reason":"__proto__"}',
}

type Tables = Readonly<{
  request: Partial<RequestRow>[]
  event: EventRow[]
  sample: SampleRow[]
}>

const COLUMNS: Readonly<Record<string, (json: string | null) => Tables>> = {
  params: (params) => tables({ params }),
  dependencies: (dependencies) => tables({ dependencies }),
  imageSizes: (imageSizes) => tables({ imageSizes }),
  detail: (detail) => ({
    ...tables({}),
    event: ['fidelity', 'breach', 'clock', 'clock'].map((kind) => ({ atUs: 1, kind, detail })),
  }),
  labels: (labels) => ({
    ...tables({}),
    sample: [1, 2].map((atUs) => ({
      atUs,
      metric: 'vllm:request_success_total',
      labels,
      value: 1,
    })),
  }),
}

/** The second row has the value, in a session in which it waits for the first. */
function tables(cells: Partial<RequestRow>): Tables {
  const row = (seq: number): Partial<RequestRow> => ({
    seq,
    atUs: seq * 1_000_000,
    session: 'a',
    parentSeq: seq === 0 ? null : seq - 1,
    endpoint: 'chat',
    model: 'm',
    stream: true,
    promptTokens: 10,
    outputTokens: 5,
    status: 200,
    outcome: 'ok',
    ttftUs: 1_000,
    e2eUs: 2_000,
  })
  return { request: [row(0), { ...row(1), ...cells }, row(2)], event: [], sample: [] }
}

const WRITTEN = ['agentic-mooncake', 'azure', 'bailian', 'inference-sim', 'mooncake']
const FORMATS = [...WRITTEN, 'inference-perf-summary', 'csv', 'jsonl', 'parquet', 'satf']

/** Command lines on a trace, a sound one, and a name for what they write. */
const VERBS: readonly ((trace: string, sound: string, out: string) => string[])[] = [
  (trace) => ['inspect', trace],
  (trace) => ['inspect', trace, '--json'],
  (trace) => ['head', trace],
  (trace) => ['query', trace, 'SELECT * FROM request, event, sample'],
  (trace) => ['plan', trace],
  (trace) => ['plan', trace, '--mode', 'session', '--json'],
  (trace, _, out) => ['report', trace, '--json', '--html', `${out}.html`],
  (trace, sound) => ['report', trace, '--against', sound],
  (trace, sound) => ['report', sound, '--against', trace],
  (trace, sound) => ['compare', trace, 'vs', sound],
  (trace) => ['card', trace],
  (trace, _, out) => ['scrub', trace, `${out}.sqlite`, '--preset', 'team'],
  (trace, _, out) => ['scrub', trace, `${out}.arrow`, '--preset', 'public'],
  (trace) => ['scrub', trace, '--check'],
  (trace, _, out) => ['slice', trace, `${out}.arrow`],
  (trace, sound, out) => ['merge', sound, trace, '--out', `${out}.sqlite`],
  (trace, sound) => ['diff', trace, sound],
  (trace, _, out) => ['fit', trace, `${out}.yaml`],
  ...FORMATS.map((to) => (trace: string, _: string, out: string) => [
    'convert',
    trace,
    out,
    '--to',
    to,
  ]),
]

/** Each value meets each verb in some column; all of them at once take two minutes. */
const STRIDE = 11

async function written(name: string, { request, event, sample }: Tables): Promise<string> {
  const writer = await createTrace(path(name), newHeader('replayed'))
  await writer.addRequests(request)
  await writer.addEvents(event)
  await writer.addSamples(sample)
  await writer.finish()
  return path(name)
}

test('JSON of strangers in a trace is read or refused in a sentence, by every verb', async () => {
  const sound = await written('sound.arrow', tables({}))
  const wrong: string[] = []
  const codes = new Map<number, number>()
  for (const [at, [column, tablesWith]] of Object.entries(COLUMNS).entries()) {
    for (const [nth, [what, json]] of Object.entries(VALUES).entries()) {
      const name = `${column}-${nth}`
      const trace = await written(`${name}.${nth % 2 === 0 ? 'arrow' : 'sqlite'}`, tablesWith(json))
      for (const [index, argvOf] of VERBS.entries()) {
        if ((at + nth + index) % STRIDE !== 0) continue
        const argv = argvOf(trace, sound, path(`${name}-${index}`))
        const { world, said } = testWorld()
        const code = await main(argv, world).catch((error: unknown) => String(error))
        codes.set(Number(code), (codes.get(Number(code)) ?? 0) + 1)
        const isSentence = code !== 3 || /^trace: [^\n]+\n {2}[^\n]+\n$/m.test(said.err)
        const isQuiet = !/[^\P{Cc}\n]/u.test(said.err + said.out)
        const isKept = !said.err.includes('SECRET')
        if (typeof code === 'string' || code === 1 || !isSentence || !isQuiet || !isKept) {
          wrong.push(`${argv.join(' ')}: ${what}: ${code} ${said.err}`)
        }
      }
    }
  }
  expect(wrong).toEqual([])
  expect(codes.get(3)).toBeGreaterThan(20)
  expect(codes.get(0)).toBeGreaterThan(100)
})

test('of JSON with texts a scrubbed copy keeps the numbers only, and the gate finds the texts', async () => {
  const trace = await written(
    'texts.sqlite',
    tables({
      params: '{"temperature":0.5,"user is SECRET":1,"user":"SECRET"}',
      dependencies:
        '[{"delayUs":5,"note":"SECRET","relation":"SECRET","seq":0,"trigger":"SECRET"}]',
    }),
  )
  const { world, said } = testWorld()
  expect(await main(['scrub', trace, '--preset', 'team', '--check'], world)).toBe(99)
  expect(said.out + said.err).toContain('params with more than numbers')
  expect(await main(['scrub', trace, path('copy.sqlite'), '--preset', 'team'], world)).toBe(0)
  const copy = readFileSync(path('copy.sqlite'), 'latin1')
  expect(copy).not.toContain('SECRET')
  expect(copy).toContain('{"temperature":0.5}')
})
