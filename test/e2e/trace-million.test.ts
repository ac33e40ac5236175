/** A million rows in bounded memory, each step in a process of its own. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { scratchFolder } from '../support/scratch.ts'

const scratch = scratchFolder()

type Step = { rowCount: number; maxRssBytes: number; digest: string }

/** Says last on stderr how many KiB the process held at most. */
const TELLS_MEMORY = [
  '--import',
  "data:text/javascript,process.on('exit',()=>console.error(process.resourceUsage().maxRSS))",
]

function step(...argv: string[]): Step {
  const script = new URL('../support/million-rows.ts', import.meta.url).pathname
  const { stdout, stderr } = spawnSync(process.execPath, [script, ...argv], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Step
}

test(
  'a million rows are written, converted, read and reported in less than 600 MB; their page has less than 3 MB',
  { timeout: 240_000 },
  () => {
    const sqlite = scratch('million.sqlite')
    const arrow = scratch('million.arrow')
    const written = step('write', sqlite)
    const converted = step('convert', sqlite, arrow)
    const steps = [written, converted, step('read', arrow), step('read', sqlite)]
    for (const { rowCount, maxRssBytes } of steps) {
      expect(rowCount).toBe(1_000_000)
      expect(maxRssBytes).toBeLessThan(600_000_000)
    }
    expect(converted.digest).toBe(written.digest)
    const program = new URL('../../bin/trace.js', import.meta.url).pathname
    const words = [program, 'report', arrow, '--html', scratch('million.html')]
    const { stdout, stderr } = spawnSync(process.execPath, [...TELLS_MEMORY, ...words], {
      encoding: 'utf8',
    })
    expect(Number(stderr.trim().split('\n').at(-1)) * 1024).toBeLessThan(600_000_000)
    expect(stdout).toContain('1,000,000')
    const page = readFileSync(scratch('million.html'))
    expect(page.includes('<svg')).toBe(true)
    expect(page.length).toBeLessThan(3_000_000)
  },
)
