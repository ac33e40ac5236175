import { expect, test } from 'vitest'
import { planPage } from '../../src/report/plan-page.ts'
import { compareScaling, formatScaling } from '../../src/workload/compare-scaling.ts'
import { parseWorkloadOptions } from '../../src/workload/options.ts'
import { accountFor } from '../../src/workload/plan-account.ts'
import { planCsv } from '../../src/workload/plan-csv.ts'
import { formatPlan, planJson } from '../../src/workload/plan-text.ts'
import { demandTrace } from '../support/demand-trace.ts'
import { DEFAULTS, planOf } from './plan-of.ts'

const trace = demandTrace(
  Array.from({ length: 600 }, (_, row) => ({
    atUs: row * 200_000,
    tenant: row % 2 === 0 ? 'a, b' : 't',
    ...(row === 7 ? { outcome: 'http_error', status: 400 } : {}),
    ...(row === 9 ? { outcome: 'client_abort', outputTokens: 3, maxTokens: 50 } : {}),
  })),
)
const options = parseWorkloadOptions({
  ...DEFAULTS,
  speed: '2x',
  jitter: '20ms',
  drift: ['input=x1.5 at 30s over 10s'],
  limit: '500',
})

test('a plan is told step by step, within 80 columns, down to its digest', async () => {
  const account = await accountFor(trace, options, { path: 'day.arrow', isPictured: false })
  const text = formatPlan(account)
  expect(text).toMatchInlineSnapshot(`
    "                      requests        span  rate      CV      IDC 1/10/60 s
    window                     599  2 min 00 s   5/s  0.0408  0.00167/0.00166/–
    speed 2x                   599      59.9 s  10/s  0.0408        0.00167/–/–
    input drift                599      59.9 s  10/s  0.0408        0.00167/–/–
    jitter 20 ms uniform       599      59.9 s  10/s   0.171         0.0475/–/–
    limit                      500        50 s  10/s   0.164          0.049/–/–

                 prompt p50/p99  output p50/p99  prefix
    window              100/100           10/10       –
    input drift         100/150           10/10       –
    tokens, at steps that change them · prefix: of an endless cache, blocks of 16

    of these   1 hung up (0 by time, 1 by tokens)
    left out   1 refused (4xx)
    drift      input=x1.5 at 30s over 10s: begins at 30 s on the clock sent
    schedule   4cf456a5618142d21e48fe1df080e9992a995a993ddc6d384728f05d385d2188
               SHA-256 of it · seed 1
    "
  `)
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true)
})

test('the JSON has the same figures and no columns', async () => {
  const account = await accountFor(trace, options, { path: 'day.arrow', isPictured: true })
  const document = JSON.parse(planJson(account))
  expect(document.count).toBe(500)
  expect(document.sha256).toBe(account.plan.sha256)
  expect(document.steps.map(({ name }: { name: string }) => name)).toEqual([
    'window',
    'speed',
    'input drift',
    'jitter',
    'limit',
  ])
  expect(document.columns).toBeUndefined()
  expect(document.series).toBeUndefined()
})

test('the page shows the load before and after, and where a change begins', async () => {
  const account = await accountFor(trace, options, { path: 'day.arrow', isPictured: true })
  const html = planPage(account, '<day>')
  expect(html.match(/<svg/g)).toHaveLength(6)
  expect(html).toContain('&lt;day&gt;')
  expect(html).toContain(account.plan.sha256)
})

test('each row of the CSV is one send, in order', async () => {
  const plan = await planOf([
    { atUs: 0, tenant: 'a, b', model: 'm', session: 's', e2eUs: 100_000 },
    { atUs: 1_000_000, outcome: 'client_abort', outputTokens: 3, maxTokens: 50, session: 's' },
  ])
  expect([...planCsv(plan)].join('')).toBe(
    'due_us,source_seq,copy,session,parent_row,think_us,endpoint,model,tenant,stream,' +
      'prompt_tokens,output_tokens,prefix_leaf,abort_us,abort_tokens\n' +
      '0,0,0,s,,0,chat,m,"a, b",1,100,10,,,\n' +
      '1000000,1,0,s,0,900000,chat,,,1,100,50,,,3\n',
  )
})

test('faster time and more users are set side by side', async () => {
  const rows = await compareScaling(trace, parseWorkloadOptions(DEFAULTS), 2)
  expect(rows.map(({ name, count }) => [name, count])).toEqual([
    ['as it is', 599],
    ['--speed 2x', 599],
    ['--rate-scale 2x', 1_198],
  ])
  expect(rows[1]!.ratePerSec / rows[0]!.ratePerSec).toBeCloseTo(2, 6)
  expect(rows[2]!.ratePerSec / rows[0]!.ratePerSec).toBeCloseTo(2, 1)
  const wide = rows.map((row) => ({ ...row, prefixShare: 0.651, reuseUs: 65e6 }))
  const lines = formatScaling(wide).split('\n')
  expect(lines.every((line) => line.length <= 80)).toBe(true)
  expect(lines.slice(1, 4).every((line) => line.endsWith('  65 s'))).toBe(true)
})
