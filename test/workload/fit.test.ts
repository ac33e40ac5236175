import { existsSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { formatYaml, parseYaml } from '../../src/base/yaml.ts'
import { arrivals, type ArrivalProcess } from '../../src/workload/arrival-process.ts'
import { fitProcess } from '../../src/workload/fit-arrivals.ts'
import { formatFit } from '../../src/workload/fit-text.ts'
import { fitTrace } from '../../src/workload/fit-trace.ts'
import { parseSynthModel } from '../../src/workload/synth-model.ts'
import { SynthBlocks } from '../../src/workload/synth-blocks.ts'
import { classRows, requestRow, type SynthRow } from '../../src/workload/synth-class.ts'
import { demandTrace } from '../support/demand-trace.ts'

// Many thousand rows: on a busy machine the default of 5 s is short.
vi.setConfig({ testTimeout: 60_000 })

const instants = (process: ArrivalProcess, durationSec: number) =>
  Float64Array.from(
    arrivals(process, durationSec, sequenceFor('7', 'fit test')),
    (atSec) => atSec * 1e6,
  )

const refit = (process: ArrivalProcess, durationSec: number) =>
  fitProcess(instants(process, durationSec), durationSec * 1e6)

test('each kind of arrivals is taken for what it is', () => {
  expect(refit({ process: 'poisson', rate: 5 }, 3_000).process).not.toBe('mmpp')
  const bursts = refit({ process: 'gamma', rate: 5, cv: 3 }, 3_000)
  expect(['gamma', 'weibull']).toContain(bursts.process)
  for (const rate of [5, 16.7, 100]) {
    expect(refit({ process: 'constant', rate }, 600).process).toBe('constant')
  }
  const states = [
    { rate: 40, staySec: 10 },
    { rate: 1, staySec: 60 },
  ]
  expect(refit({ process: 'mmpp', states }, 6_000).process).toBe('mmpp')
})

/** A trace made by a model of two classes, one of them in sessions. */
function made() {
  const model = parseSynthModel(
    parseYaml(
      `
duration: 1h
classes:
  - name: chat
    arrivals: {process: poisson, rate: 0.3}
    turns: {law: poisson, mean: 3, min: 1}
    think_s: {law: lognormal, p50: 8, sigma: 0.7}
    system_prompt: {tokens: 640}
    input: {law: lognormal, p50: 150, sigma: 0.9, min: 1}
    output: {law: exponential, mean: 120, min: 1}
    hang_ups: {share: 0.1, after_tokens: 5}
  - name: batch
    endpoint: completions
    stream: false
    arrivals: {process: mmpp, states: [{rate: 10, stay_s: 20}, {rate: 0.2, stay_s: 100}]}
    input: {law: normal, mean: 3000, sd: 500, min: 1}
    output: 20
`,
      'made',
    ),
    'made',
  )
  const blocks = new SynthBlocks('1')
  const rows = model.classes.flatMap((of) => [...classRows(of, '1', model.durationUs, blocks)])
  rows.sort((a, b) => a.atUs - b.atUs)
  const seqs = new Map<SynthRow, number>(rows.map((row, seq) => [row, seq]))
  return demandTrace(
    rows.map((row) => requestRow(row, (of) => seqs.get(of)!)),
    blocks.rows,
  )
}

test('a model that a trace was made by is found again, near enough to stand for it', async () => {
  const fit = await fitTrace(made())
  expect(fit.faults).toEqual([])
  expect(fit.inputKs).toBeLessThan(0.1)
  expect(fit.outputKs).toBeLessThan(0.1)
  const chat = fit.config.classes.find(({ tenant }) => tenant === 'chat')!
  expect(chat['system_prompt']).toEqual({ tokens: 640, groups: 1 })
  expect(chat['hang_ups']).toMatchObject({ after_tokens: { values: expect.arrayContaining([5]) } })
  expect(formatFit(fit)).toMatch(/verdict {4}a fit/)
})

test('the configuration is one that synth reads', async () => {
  const { config } = await fitTrace(made())
  const text = formatYaml(config, ['pairs', 'values', 'weights', 'arrivals'])
  expect(parseSynthModel(parseYaml(text, 'fit'), 'fit').classes).toHaveLength(2)
})

test('a configuration stays short enough to be read, however many rows the trace has', async () => {
  const draw = sequenceFor('7', 'many')
  const rows = Array.from({ length: 60_000 }, (_, row) => ({
    atUs: row * 10_000,
    tenant: `team ${row % 3}`,
    session: `talk ${Math.floor(row / 6)}`,
    promptTokens: Math.ceil(draw() * 10_000),
    outputTokens: Math.ceil(draw() * 1_000),
  }))
  const { config } = await fitTrace(demandTrace(rows))
  const lines = formatYaml(config, ['pairs', 'values', 'weights', 'arrivals']).split('\n')
  expect(lines.length).toBeLessThan(200)
  expect(lines.every((line) => line.length <= 100)).toBe(true)
  const again = parseYaml(lines.join('\n'), 'fit')
  expect(again).toEqual(config)
})

test.each([
  ['input', (row: number) => ({ promptTokens: row < 3_000 ? 500 : 1_500 })],
  ['rate', (row: number) => ({ atUs: row < 3_000 ? row * 1e6 : 3e9 + (row - 3_000) * 2e5 })],
])(
  'a trace whose %s changes for good is fitted by no model that stays the same',
  async (signal, of) => {
    const draw = sequenceFor('7', signal)
    const rows = Array.from({ length: 6_000 }, (_, row) => {
      const { promptTokens = 1_000, atUs = row * 1e6 } = of(row) as {
        promptTokens?: number
        atUs?: number
      }
      return {
        atUs: atUs + Math.floor(draw() * 1e5),
        promptTokens: Math.ceil(promptTokens * (0.5 + draw())),
      }
    })
    const fit = await fitTrace(demandTrace(rows))
    expect(fit.changes).toMatchObject([{ signal }])
    expect(Math.abs(fit.changes[0]!.atUs / 3e9 - 1)).toBeLessThan(0.1)
    expect(formatFit(fit)).toMatch(/NO FIT/)
    expect(formatFit(fit)).toContain(`(${signal} at `)
  },
)

test('what no model is like is called no fit', async () => {
  // A burst at the start and then a steady beat: no process here does both.
  const rows = Array.from({ length: 4_000 }, (_, row) => ({
    atUs: row < 2_000 ? row * 100 : 60e6 + (row - 2_000) * 1e6,
  }))
  const fit = await fitTrace(demandTrace(rows))
  expect(fit.faults.length).toBeGreaterThan(0)
  expect(formatFit(fit)).toMatch(/NO FIT/)
})

const AZURE = '../shared/traces/azure-llm-2023/AzureLLMInferenceTrace_code.csv'

test.skipIf(!existsSync(AZURE))(
  'the bursts of the Azure code trace are met at each time scale (needs ../shared)',
  async () => {
    const { readFileSync } = await import('node:fs')
    const rows = readFileSync(AZURE, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [time = '', input, output] = line.split(',')
        const [, minutes = '', seconds = ''] = /\d+:(\d+):([\d.]+)/.exec(time) ?? []
        const hours = Number(time.slice(11, 13))
        const atSec = (hours * 60 + Number(minutes)) * 60 + Number(seconds)
        return {
          atUs: Math.round(atSec * 1e6),
          promptTokens: Number(input),
          outputTokens: Number(output),
        }
      })
    const { arrivals: distance } = await fitTrace(demandTrace(rows))
    for (const { real, model } of distance.dispersion) {
      expect(Math.abs(Math.log(model / real))).toBeLessThan(Math.log(1.6))
    }
  },
)
