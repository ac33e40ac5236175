import { readFileSync } from 'node:fs'
import { existsSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import {
  blockTokensOf,
  metricRows,
  parseMetrics,
  TextPool,
} from '../../src/replay/server-metrics.ts'

const capture = '../shared/vllm/captures/metrics-after.txt'

test('labels with commas, braces and quotes are read; broken lines are passed over', () => {
  const text = '# HELP x\nvllm:a{m="x,\\"y\\"}",n="1"} 2\nbroken{\nvllm:b NaN\nvllm:c 1e3 17000\n'
  expect(parseMetrics(text)).toEqual([
    { name: 'vllm:a', labels: { m: 'x,"y"}', n: '1' }, value: 2 },
    { name: 'vllm:c', labels: {}, value: 1_000 },
  ])
})

test('rows keep the load, not the process, its buckets or its settings', () => {
  const metrics = parseMetrics(
    'python_gc 1\nvllm:ttft_bucket{le="+Inf"} 4\nvllm:ttft_sum 2\nhttp_requests_total{handler="/v1"} 3\nvllm:cache_config_info{block_size="128"} 1\n',
  )
  expect(metricRows(metrics, 5, null).map(({ metric }) => metric)).toEqual([
    'vllm:ttft_sum',
    'http_requests_total',
  ])
  expect(blockTokensOf(metrics)).toBe(128)
})

test.skipIf(!existsSync(capture))("a real server's page is read (needs ../shared/vllm)", () => {
  const metrics = parseMetrics(readFileSync(capture, 'utf8'))
  expect(blockTokensOf(metrics)).toBe(128)
  const prompt = metrics.find(({ name }) => name === 'vllm:prompt_tokens_total')
  expect(prompt).toEqual({
    name: prompt?.name,
    labels: { engine: '0', model_name: 'tiny' },
    value: 21_618,
  })
})

test('rows that are kept for a whole run keep no page alive', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const padding = Array.from({ length: 20_000 }, (_, at) => `python_gc_objects_${at} 1`).join('\n')
  const texts = new TextPool()
  const kept: unknown[] = []
  collect()
  const beforeBytes = process.memoryUsage().heapUsed
  for (let scrape = 0; scrape < 50; scrape += 1) {
    const page = Buffer.from(`vllm:num_requests_running{engine="0"} ${scrape}\n${padding}`)
    kept.push(...metricRows(parseMetrics(page.toString()), scrape, null, texts.of))
  }
  collect()
  expect(kept.length).toBe(50)
  expect(process.memoryUsage().heapUsed - beforeBytes).toBeLessThan(10 * padding.length)
})
