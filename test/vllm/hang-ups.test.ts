/** What a real vLLM's own log says of requests that were hung up. */
import { readFileSync, statSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ABORT_BY_TIME, ABORT_BY_TOKENS } from '../../src/workload/plan.ts'
import { fidelityText } from '../../src/replay/fidelity-text.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { runReplay } from '../support/replay-run.ts'

const target = process.env['TRACE_VLLM_URL'] ?? ''
/** Of a server that was started with --enable-log-requests. */
const log = process.env['TRACE_VLLM_LOG'] ?? ''
const isHere = target !== '' && log !== ''

const WAITS = 40

/**
 * Names that the server says it has dropped, beyond the log's first bytes. Responses have names of the
 * server's own; all others end in run and row.
 */
function dropped(fromByte: number): string[] {
  const text = readFileSync(log).toString('utf8', fromByte)
  const names = [...text.matchAll(/Aborted request\(s\) (.+)\./g)].flatMap(([, list = '']) =>
    list.split(/,\s*/),
  )
  return [...new Set(names)]
}

test.skipIf(!isHere)(
  'at least 95 % of planned hang-ups show as aborted in the log of the server, and nothing else does (needs TRACE_VLLM_URL and TRACE_VLLM_LOG of a server with --enable-log-requests)',
  async () => {
    const endpoints = ['completions', 'chat', 'responses', 'messages'] as const
    const rows = Array.from({ length: 80 }, (_, at): HandRow => ({
      dueUs: at * 100_000,
      endpoint: endpoints[at % 4]!,
      isStream: at % 3 !== 1,
      promptTokens: 64,
      outputTokens: at % 5 === 0 ? 8 : 4_000,
      flags: at % 5 === 0 ? 0 : at % 3 === 0 ? ABORT_BY_TOKENS : ABORT_BY_TIME,
      abortAt: at % 3 === 0 ? 1 + (at % 9) : 150_000 + at * 1_000,
    }))
    const planned = rows.flatMap((row, seq) => (row.flags === 0 ? [] : [{ ...row, seq }]))
    const fromByte = statSync(log).size
    const run = await runReplay(handPlan(rows), { target })
    const runId = String(run.header.labels['run'])
    for (let round = 0; round < WAITS && dropped(fromByte).length < planned.length; round += 1) {
      await wait(250)
    }
    const seen = dropped(fromByte)
    const named = planned.filter(({ endpoint, seq }) =>
      seen.some((name) => endpoint !== 'responses' && name.includes(`${runId}-${seq}-`)),
    )
    const responses = planned.filter(({ endpoint }) => endpoint === 'responses').length
    const unnamed = seen.filter((name) => name.startsWith('resp_')).length
    expect(run.fidelity.hungUp + run.fidelity.hangUpMissed).toBe(planned.length)
    expect(named.length + Math.min(responses, unnamed)).toBeGreaterThanOrEqual(
      0.95 * planned.length,
    )
    const ours = seen.filter((name) => name.includes(`${runId}-`)).length
    expect(ours).toBe(named.length)
    expect(fidelityText(run.fidelity)).toMatch(/hung up \d+ \([\d,]+ tokens late\)/)
  },
)
