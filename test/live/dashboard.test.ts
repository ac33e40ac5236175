import { expect, test } from 'vitest'
import { Dashboard } from '../../src/live/dashboard.ts'
import { LiveHistory } from '../../src/live/live-history.ts'
import { livePictures } from '../../src/live/live-pictures.ts'

const point = (second: number) => ({
  elapsedUs: second * 1_000_000,
  inFlight: second,
  sentPerSec: 2,
  donePerSec: 2,
  errors: 0,
  lagUs: 100,
  ttftP50Us: 1_000,
  ttftP99Us: 2_000,
  outputTokensPerSec: 10,
  waiting: null,
  running: null,
  kvShare: null,
})

test('the page is its own: no other origin, and only its own script runs', async () => {
  const dashboard = new Dashboard(
    new LiveHistory(),
    () => {},
    async () => '',
  )
  const answer = await dashboard.server.inject({ url: '/' })
  const policy = String(answer.headers['content-security-policy'])
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1]
  expect(policy).toContain("default-src 'none'")
  expect(answer.body).toContain(`<script nonce="${nonce}">`)
  expect(answer.body).not.toMatch(/(?:src|href)=/)
  await dashboard.close()
})

test('only who has read the page can stop the run', async () => {
  let stops = 0
  const dashboard = new Dashboard(
    new LiveHistory(),
    () => (stops += 1),
    async () => '',
  )
  const { body } = await dashboard.server.inject({ url: '/' })
  const token = /'x-token': '([0-9a-f]{32})'/.exec(body)![1]!
  const post = (headers: Record<string, string>) =>
    dashboard.server.inject({ method: 'POST', url: '/stop', headers })
  expect((await post({})).statusCode).toBe(403)
  expect((await post({ 'x-token': 'guess' })).statusCode).toBe(403)
  expect(stops).toBe(0)
  expect((await post({ 'x-token': token })).statusCode).toBe(200)
  expect(stops).toBe(1)
  await dashboard.close()
})

test('a site whose name was made to mean this machine gets no page, and so no token', async () => {
  const dashboard = new Dashboard(
    new LiveHistory(),
    () => {},
    async () => '',
  )
  const statusOf = async (host: string, url = '/', remoteAddress = '127.0.0.1') => {
    const asked = { url, remoteAddress, headers: { host } }
    return (await dashboard.server.inject(asked)).statusCode
  }
  for (const host of [
    'a.example',
    'a.example:9100',
    'localhost.a.example',
    '127.0.0.1.a.example',
  ]) {
    expect(await statusOf(host)).toBe(421)
    expect(await statusOf(host, '/events')).toBe(421)
    expect(await statusOf(host, '/', '::1')).toBe(421)
    expect(await statusOf(host, '/metrics')).toBe(200)
  }
  for (const host of ['127.0.0.1:9100', 'localhost:9100', 'box.localhost', '[::1]:9100']) {
    expect(await statusOf(host)).toBe(200)
  }
  expect(await statusOf('box.example', '/', '192.0.2.7')).toBe(200)
  await dashboard.close()
})

test('pictures need two points and something known, and have words for who cannot see them', () => {
  expect(livePictures([point(1)])).toBe('')
  const html = livePictures([point(1), point(2), point(3)])
  expect(html.match(/<svg/g)).toHaveLength(6)
  expect(html.match(/aria-label="[^"]+ over the last minutes"/g)).toHaveLength(6)
})
