/** What an outcome means to whoever counts: the one place that says so. Pure. */
import { OUTCOMES, type OutcomeName } from './columns.ts'

/**
 * - whole: an answer, to its end; imported rows that do not say how they ended count as such
 * - failed: the server, or the way to it, gave no whole answer
 * - hung_up: the client left, as planned or of its own accord
 * - unseen: in flight when the run or the recording ended
 * - not_sent: never asked; no failure of the server's
 */
export type OutcomeClass = 'whole' | 'failed' | 'hung_up' | 'unseen' | 'not_sent'

const CLASSES = new Map<string, OutcomeClass>(
  Object.entries({
    ok: 'whole',
    client_abort: 'hung_up',
    http_error: 'failed',
    stream_error: 'failed',
    truncated: 'failed',
    upstream_reset: 'failed',
    timeout: 'failed',
    unobserved_end: 'unseen',
    not_sent: 'not_sent',
  } satisfies Record<OutcomeName, OutcomeClass>),
)

/** @param outcome null where a row does not say */
export function outcomeClass(outcome: string | null): OutcomeClass {
  return CLASSES.get(outcome ?? 'ok') ?? 'whole'
}

/** Whether a request says anything of how often answers come, or come in time. */
export function isJudged(kind: OutcomeClass): boolean {
  return kind === 'whole' || kind === 'failed'
}

/** As numbers in a column: where in `OUTCOMES`, -1 for a row that does not say. */
export function outcomeCode(outcome: string | null): number {
  return OUTCOMES.indexOf(outcome as OutcomeName)
}

export function classOfCode(code: number): OutcomeClass {
  return outcomeClass(OUTCOMES[code] ?? null)
}
