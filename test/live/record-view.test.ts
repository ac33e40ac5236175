import fastify from 'fastify'
import { expect, test } from 'vitest'
import { recordPictures, type RecordPoint } from '../../src/live/record-pictures.ts'
import { RecordView } from '../../src/live/record-view.ts'
import { quietControl } from '../support/record-control.ts'

const point = (second: number): RecordPoint => ({
  elapsedUs: second * 1_000_000,
  requestsPerSec: second,
  ttftP50Us: null,
  ttftP99Us: null,
  outputTokensPerSec: 0,
  inFlight: 3,
  connections: 4,
  hungUpPerSec: 0,
  failedPerSec: 0,
  unrecordedPerSec: 0,
  addedP50Us: null,
  addedP99Us: null,
})

test('pictures of a recorder have words for who cannot see them; what nobody measured is left out', () => {
  expect(recordPictures([point(1)])).toBe('')
  const html = recordPictures([point(1), point(2)])
  expect(html.match(/aria-label="[^"]+ over the last minutes"/g)).toHaveLength(4)
  expect(html).not.toContain('Added to a chunk')
  const chunks = { addedP50Us: 40, addedP99Us: 900 }
  expect(recordPictures([point(1), { ...point(2), ...chunks }])).toContain('Added to a chunk')
})

test('the page of a recorder holds no token, and runs no script but its own', async () => {
  const server = fastify()
  new RecordView(quietControl()).page.addTo(server)
  const answer = await server.inject({ url: '/' })
  const policy = String(answer.headers['content-security-policy'])
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1]
  expect(policy).toContain("default-src 'none'")
  expect(answer.body).toContain(`<script nonce="${nonce}">`)
  expect(answer.body).toContain('<input id="token" type="password"')
  expect(answer.body).not.toMatch(/Bearer [0-9a-f]/)
  await server.close()
})
