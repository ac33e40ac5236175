import { readFileSync } from 'node:fs'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { blockTokensOf, metricRows, parseMetrics } from '../../src/replay/server-metrics.ts'

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
