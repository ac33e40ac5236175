/** May this run be believed? One table of checks, and the worst of them. Pure. */
import {
  checkCounting,
  checkErrors,
  checkHangUps,
  checkSamples,
  checkStalls,
  checkStationarity,
  checkTokens,
} from './answer-checks.ts'
import {
  checkClock,
  checkComplete,
  checkConnect,
  checkCpu,
  checkGarbage,
  checkLoopDelay,
  checkLoopUse,
  checkThrottling,
} from './client-checks.ts'
import type { Finding } from './finding.ts'
import { checkProbe } from './probe-check.ts'
import type { RunFacts } from './run-facts.ts'
import { checkArrivals, checkDropped, checkEarlySends, checkLag, checkRate } from './send-checks.ts'
import {
  checkCompleted,
  checkForeignLoad,
  checkGenerated,
  checkPrompts,
  checkRestart,
  checkSpeculation,
  checkStructured,
  checkTtftGap,
} from './server-checks.ts'

/** In the order in which a reader wants them. */
const CHECKS = {
  lag: checkLag,
  tokens: checkTokens,
  server_completed: checkCompleted,
  cpu: checkCpu,
  complete: checkComplete,
  early_sends: checkEarlySends,
  rate: checkRate,
  arrivals: checkArrivals,
  dropped: checkDropped,
  errors: checkErrors,
  counting: checkCounting,
  hang_ups: checkHangUps,
  stalls: checkStalls,
  samples: checkSamples,
  stationarity: checkStationarity,
  server_restart: checkRestart,
  foreign_load: checkForeignLoad,
  server_generated: checkGenerated,
  server_prompts: checkPrompts,
  server_ttft: checkTtftGap,
  speculation: checkSpeculation,
  structured: checkStructured,
  throttling: checkThrottling,
  loop_delay: checkLoopDelay,
  loop_use: checkLoopUse,
  garbage: checkGarbage,
  probe: checkProbe,
  clock: checkClock,
  connect: checkConnect,
} as const satisfies Readonly<Record<string, (facts: RunFacts) => Finding>>

export type CheckName = keyof typeof CHECKS

export type Verdict = Readonly<{
  status: 'VALID' | 'SUSPECT' | 'INVALID'
  checks: readonly Readonly<{ name: CheckName } & Finding>[]
}>

/** A replay whose lateness nobody measured is never VALID. */
export function judge(facts: RunFacts): Verdict {
  const checks = Object.entries(CHECKS).map(([name, check]) => ({
    name: name as CheckName,
    ...check(facts),
  }))
  const isBlind = facts.kind === 'replayed' && statusOf(checks, 'lag') === 'unmeasured'
  const status = checks.some((check) => check.status === 'fail')
    ? 'INVALID'
    : isBlind || checks.some((check) => check.status === 'warn')
      ? 'SUSPECT'
      : 'VALID'
  return { status, checks }
}

function statusOf(checks: Verdict['checks'], name: CheckName): Finding['status'] | undefined {
  return checks.find((check) => check.name === name)?.status
}
