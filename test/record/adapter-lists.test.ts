import { expect, test } from 'vitest'
import type { HttpClient } from '../../src/base/http.ts'
import { createAdapterLists } from '../../src/record/adapter-lists.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** As vLLM 0.32 lists a model and an adapter. */
const BASE = { id: 'base', object: 'model', root: '/models/base', parent: null }
const ADAPTER = { id: 'sql-lora', object: 'model', root: '/adapters/sql', parent: 'base' }

const settle = () => new Promise((resolve) => setImmediate(resolve))

function listing() {
  const asked: { url: string; headers: unknown }[] = []
  const served: { data: unknown } = { data: [BASE] }
  const client = {
    callJson: async (url: URL, { headers }: { headers: unknown }) => {
      asked.push({ url: url.href, headers })
      if (served.data === null) throw new Error('down')
      return { data: served.data }
    },
  } as unknown as HttpClient
  const clock = new VirtualClock()
  const origins = { 9000: 'http://a:8000', 9001: 'http://a:8000' }
  const start = () => createAdapterLists({ clock, client, origins, apiKey: 'ours' })
  return { start, served, asked, clock }
}

test('each upstream is asked once, ahead of need and with our own key', async () => {
  const { start, asked, served } = listing()
  served.data = [BASE, ADAPTER]
  const parentOf = start()
  await settle()
  expect(asked).toEqual([
    { url: 'http://a:8000/v1/models', headers: { authorization: 'Bearer ours' } },
  ])
  expect(parentOf('9000', 'sql-lora')).toBe('base')
  expect(parentOf('9001', 'sql-lora')).toBe('base')
  expect(parentOf('9000', 'base')).toBeNull()
  expect(parentOf('other', 'sql-lora')).toBeNull()
})

test('a name that is new is asked about again, every few seconds at most', async () => {
  const { start, asked, served, clock } = listing()
  const parentOf = start()
  await settle()
  served.data = [BASE, ADAPTER]
  expect(parentOf('9000', 'sql-lora')).toBeNull()
  expect(asked.length).toBe(1)
  await clock.run(clock.sleepUntil(6_000_000))
  expect(parentOf('9000', 'sql-lora')).toBeNull()
  await settle()
  expect(parentOf('9000', 'sql-lora')).toBe('base')
  expect(asked.length).toBe(2)
})

test('a server that is down, or lists no models, changes nothing', async () => {
  const { start, served } = listing()
  served.data = null
  const parentOf = start()
  await settle()
  expect(parentOf('9000', 'base')).toBeNull()
})
