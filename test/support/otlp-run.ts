/** `trace replay --otlp` of a small plan, as the command does it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { testWorld } from './test-world.ts'

/** @returns what was said on stderr; each of `count` requests reads 20 tokens and is answered with 3 */
export async function otlpRun(target: string, otlp: string, count: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-otlp-'))
  const { world, said } = testWorld({ clock: systemClock, env: process.env, cwd: folder })
  try {
    const [rows, trace] = [join(folder, 'plan.jsonl'), join(folder, 'plan.arrow')]
    const lines = Array.from({ length: count }, (_, at) =>
      JSON.stringify({ timestamp: at * 20, input_length: 20, output_length: 3, hash_ids: [at] }),
    )
    writeFileSync(rows, lines.join('\n'))
    await main(['convert', rows, trace, '--format', 'mooncake'], world)
    const out = join(folder, 'run.sqlite')
    await main(['replay', trace, '--target', target, '--out', out, '--otlp', otlp], world)
    return said.err
  } finally {
    rmSync(folder, { recursive: true })
  }
}
