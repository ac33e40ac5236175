import { expect, test } from 'vitest'
import { cardPage } from '../../src/report/card-page.ts'
import { cardMarkdown, cardOfTrace } from '../../src/report/card.ts'
import { cacheFigures } from '../../src/report/cache-figures.ts'
import { parseInspectOptions } from '../../src/report/inspect-options.ts'
import { inspectionPage } from '../../src/report/inspection-page.ts'
import { inspectTrace } from '../../src/report/inspection.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'
import { sampleInspections } from '../support/sample-documents.ts'

const EVIL = '<img src=x>|`\n# title'

test('a card and its page say where a trace came from, what was done to it, and let no header become markup', async () => {
  const reader = unsavedTrace({
    kind: 'imported',
    requests: [{ atUs: 0 }, { atUs: 2_000_000 }],
    header: {
      licence: EVIL,
      transforms: [{ name: 'scrub', arguments: { preset: 'partner' } }],
      capture: { policy: EVIL, samplingShare: 0.5, sampledBy: 'session', notes: [EVIL] },
    },
  })
  const inspection = await inspectTrace(reader)
  const facts = cardOfTrace("it's.arrow", reader.header, inspection, 'ab12')
  const card = cardMarkdown(facts)
  expect(card).toContain('1. scrub `{"preset":"partner"}`')
  expect(card).toContain('sampled share 50 % by session')
  expect(card).toContain("trace inspect 'it'\\''s.arrow'")
  expect(card).not.toContain('<img')
  expect(card.split('\n')).not.toContain('# title')
  const html = cardPage(facts, inspection)
  for (const told of [
    'ab12',
    'licence',
    'Limits of use',
    '{&quot;preset&quot;:&quot;partner&quot;}',
  ]) {
    expect(html).toContain(told)
  }
  expect(html).toContain('sampled share 50 % by session')
  expect(html).not.toContain('<img')
})

test('an inspection is drawn: rate, burstiness, lengths, prefixes, sessions', async () => {
  const [full, ...others] = await sampleInspections()
  const html = inspectionPage(full!, EVIL)
  for (const title of ['Rate over time', 'Burstiness', 'Lengths', 'Prefix reuse', 'Sessions']) {
    expect(html).toContain(`<h2>${title}</h2>`)
  }
  expect(html).not.toContain('<img')
  expect(others.every((each) => inspectionPage(each, 'x').includes('</html>'))).toBe(true)
})

test('a cache that holds nothing serves nothing, an infinite one what was seen', async () => {
  const reader = unsavedTrace({
    requests: [0, 1, 2].map((second) => ({
      atUs: second * 1e6,
      promptTokens: 33,
      prefixLeaf: BigInt(second === 1 ? 3 : 2),
      prefixBlocks: 1,
    })),
    blocks: [
      { id: 2n, parent: null, tokens: 32 },
      { id: 3n, parent: null, tokens: 32 },
    ],
  })
  const question = parseInspectOptions({
    cacheSize: ['32'],
    cacheRule: 'engine',
    cacheWindow: 'all',
    cacheBlock: '16',
  })
  const { sizes } = await cacheFigures(reader, question)
  expect(sizes.map(({ capacity_tokens: size, hit_tokens: hits }) => [size, hits])).toEqual([
    [null, 32],
    [32, 0],
  ])
})

test('how a cache forgets says nothing without its size', () => {
  expect(() => parseInspectOptions({ cacheRule: 'block', cacheWindow: 'all' })).toThrow(
    'without --cache-size',
  )
})

test.each([['64X'], ['-1'], ['0']])("'%s' is no cache size", (text) => {
  expect(() =>
    parseInspectOptions({ cacheSize: [text], cacheRule: 'engine', cacheWindow: 'all' }),
  ).toThrow(/--cache-size/)
})
