import { expect, test } from 'vitest'
import { capturePolicyText } from '../../src/record/capture-policy.ts'
import { ATTEMPT_HEADER } from '../../src/record/attempts.ts'
import { LABEL_HEADERS } from '../../src/record/row-label.ts'
import { ANSWER_HEADERS } from '../../src/stream/answer-collector.ts'
import { headerTable } from '../../src/stream/http-head.ts'
import { fileName, REQUEST_COLUMNS, TABLES } from '../../src/trace/columns.ts'

test('the policy names every header that is looked at, and every column that is kept, in 80 columns', () => {
  const text = capturePolicyText()
  const framing = [...headerTable([]).values()].flat().map(({ name }) => name)
  const asked = ['content-encoding', ATTEMPT_HEADER, ...LABEL_HEADERS]
  for (const name of [...framing, ...ANSWER_HEADERS, ...asked]) expect(text).toContain(name)
  for (const column of Object.keys(REQUEST_COLUMNS)) expect(text).toContain(` ${fileName(column)} `)
  for (const table of Object.keys(TABLES).slice(1)) expect(text).toContain(`  ${table} `)
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
})
