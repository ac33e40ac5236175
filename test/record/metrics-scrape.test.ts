/** The server's counters as samples, and what they tell of its life. */
import { expect, test } from 'vitest'
import type { HttpClient } from '../../src/base/http.ts'
import { MetricsScrape } from '../../src/record/metrics-scrape.ts'
import type { EventRow, SampleRow } from '../../src/trace/columns.ts'

type Page = { started: number; tokens: number; version: string } | null

/** Answers each round with the next page. */
function scrapeOf(pages: Page[], urls = ['http://a:8000/metrics']) {
  const samples: SampleRow[] = []
  const events: EventRow[] = []
  const noted: number[] = []
  let page: Page = null
  const client = {
    call: () => {
      if (page === null) return Promise.reject(new Error('down'))
      const text =
        `process_start_time_seconds ${page.started}\n` +
        `vllm:generation_tokens_total{model_name="m"} ${page.tokens}\npython_gc_total 5\n`
      return Promise.resolve({ status: 200, headers: {}, text })
    },
    callJson: (url: URL) =>
      Promise.resolve(url.pathname === '/version' ? { version: page?.version } : { data: [] }),
  } as unknown as HttpClient
  const scrape = new MetricsScrape(client, urls, {
    addSamples: (rows) => void samples.push(...rows),
    addEvent: (row) => void events.push(row),
    note: (rows) => void noted.push(rows.length),
  })
  const run = async () => {
    for (const [index, next] of pages.entries()) {
      page = next
      await scrape.read(index * 5)
    }
    return { samples, events, noted }
  }
  return run()
}

test('each round adds the families that tell of load, with their time', async () => {
  const { samples, noted } = await scrapeOf([{ started: 1, tokens: 7, version: '1' }])
  expect(samples).toEqual([
    { atUs: 0, metric: 'vllm:generation_tokens_total', labels: '{"model_name":"m"}', value: 7 },
  ])
  expect(noted).toEqual([1])
})

test('a server that is down adds nothing, and is no restart when it is back', async () => {
  const same = { started: 1, tokens: 7, version: '1' }
  const { samples, events } = await scrapeOf([same, null, { ...same, tokens: 9 }])
  expect(samples.map(({ value }) => value)).toEqual([7, 9])
  expect(events).toEqual([])
})

test('a new process is a restart, and a new version is told too', async () => {
  const { events } = await scrapeOf([
    { started: 1, tokens: 7, version: '1' },
    { started: 2, tokens: 8, version: '1' },
    { started: 3, tokens: 0, version: '2' },
  ])
  expect(events).toEqual([
    { atUs: 5, kind: 'restart', detail: '{"of":"server","version":"1"}' },
    { atUs: 10, kind: 'restart', detail: '{"of":"server","version":"2"}' },
    { atUs: 10, kind: 'version', detail: '{"from":"1","to":"2"}' },
  ])
})

test('several servers are told apart by a label', async () => {
  const page = { started: 1, tokens: 7, version: '1' }
  const { samples } = await scrapeOf([page], ['http://a:8000/metrics', 'http://b:8000/metrics'])
  expect(samples.map(({ labels }) => labels)).toEqual([
    '{"model_name":"m","target":"a:8000"}',
    '{"model_name":"m","target":"b:8000"}',
  ])
})
