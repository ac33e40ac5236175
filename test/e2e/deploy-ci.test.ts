/** The ready CI steps under deploy/, run as a job would run them, with this checkout as the package. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { parseYaml } from '../../src/base/yaml.ts'
import { type Engine, startEngine } from '../../src/engine/engine.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import { writePageRun } from '../support/page-run.ts'
import { scratchFolder } from '../support/scratch.ts'

const file = scratchFolder()
const program = resolve('bin/trace.js')
let engine: Engine | null = null

type Action = { runs: { steps: { id?: string; run?: string }[] } }
type Pipeline = Record<string, { script: string[] }>

const parsed = (path: string) => parseYaml(readFileSync(path, 'utf8'), path)

beforeAll(async () => {
  const raw = {
    ...ENGINE_DEFAULTS,
    listen: '127.0.0.1:0',
    profile: 'steady-20ms',
    prefixCaching: true,
  }
  engine = await startEngine(parseEngineOptions(raw), systemClock)
  mkdirSync(file('bin'))
  // What a registry would have brought.
  const commands = { npx: 'shift 2', trace: ':' }
  for (const [name, before] of Object.entries(commands)) {
    writeFileSync(
      file(`bin/${name}`),
      `#!/bin/sh\n${before}\nexec '${process.execPath}' '${program}' "$@"\n`,
    )
    chmodSync(file(`bin/${name}`), 0o755)
  }
})

afterAll(async () => engine?.close())

async function runStep(script: string, job: string, env: Record<string, string>) {
  mkdirSync(file(job))
  await writePageRun(file(`${job}/nightly.arrow`), 120)
  const child = spawn('bash', ['-eo', 'pipefail', '-c', script], {
    cwd: file(job),
    env: {
      ...process.env,
      PATH: `${file('bin')}${delimiter}${process.env['PATH'] ?? ''}`,
      TRACE_FILE: 'nightly.arrow',
      TARGET: engine!.url,
      ...env,
    },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (said += String(text)))
  const [code] = (await once(child, 'close')) as [number]
  return { code, said }
}

const RESULTS = [
  'replay-report.html',
  'replay-report.json',
  'replay-junit.xml',
  'replay-result.sqlite',
]
const MAPPED = '--map-model *=steady'

test('the GitHub action replays, tells the job its verdict, and fails it on a missed objective', async () => {
  const { runs } = parsed('deploy/github-action/action.yml') as Action
  const step = runs.steps.find(({ id }) => id === 'replay')!
  const github = {
    GITHUB_ACTIONS: 'true',
    GITHUB_STEP_SUMMARY: file('summary.md'),
    GITHUB_OUTPUT: file('outputs'),
  }
  const { code, said } = await runStep(step.run!, 'github', {
    ...github,
    VERSION: 'latest',
    SLO: 'ttft.p50<1us error_rate<50%',
    MORE: MAPPED,
  })
  // A busy machine may make the run INVALID; a missed objective is told all the same.
  expect([98, 99].includes(code) ? '' : said).toBe('')
  expect(RESULTS.filter((name) => !existsSync(file(`github/${name}`)))).toEqual([])
  expect(readFileSync(file('outputs'), 'utf8')).toMatch(/^verdict=(?:VALID|SUSPECT|INVALID)$/m)
  expect(readFileSync(file('summary.md'), 'utf8')).toMatch(/ttft\.p50.{1,4}1us/)
  expect(said).toMatch(/^::error.*missed ttft\.p50<1us/m)
})

test('the GitLab job replays with its own objectives and leaves its files', async () => {
  const { replay } = parsed('deploy/gitlab/replay.gitlab-ci.yml') as Pipeline
  const { code, said } = await runStep(replay!.script.join('\n'), 'gitlab', { TRACE_FLAGS: MAPPED })
  expect([0, 97, 98, 99].includes(code) ? '' : said).toBe('')
  expect(RESULTS.filter((name) => !existsSync(file(`gitlab/${name}`)))).toEqual([])
})
