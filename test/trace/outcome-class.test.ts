import { expect, test } from 'vitest'
import { OUTCOMES } from '../../src/trace/columns.ts'
import { classOfCode, isJudged, outcomeClass, outcomeCode } from '../../src/trace/outcome-class.ts'

test('each outcome is one of five things, and only whole and failed answers are judged', () => {
  const classes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, outcomeClass(outcome)]))
  expect(classes).toEqual({
    ok: 'whole',
    client_abort: 'hung_up',
    http_error: 'failed',
    stream_error: 'failed',
    truncated: 'failed',
    upstream_reset: 'failed',
    timeout: 'failed',
    unobserved_end: 'unseen',
    not_sent: 'not_sent',
  })
  const judged = OUTCOMES.filter((outcome) => isJudged(outcomeClass(outcome)))
  expect(judged).toEqual(OUTCOMES.filter((name) => ['whole', 'failed'].includes(classes[name]!)))
})

test('rows that do not say how they ended are whole, also as numbers', () => {
  expect(outcomeClass(null)).toBe('whole')
  expect(classOfCode(outcomeCode(null))).toBe('whole')
  expect(OUTCOMES.map((outcome) => classOfCode(outcomeCode(outcome)))).toEqual(
    OUTCOMES.map(outcomeClass),
  )
})
