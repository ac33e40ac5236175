import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { withRunView } from '../../src/live/run-view.ts'
import { serveMetrics } from '../../src/live/metrics-server.ts'
import { testWorld } from '../support/test-world.ts'

test('a dashboard whose sister port is taken is closed again: the command ends with its error', async () => {
  const host = '127.0.0.1'
  const taken = { host, port: 26_021 }
  const free = { host, port: 26_022 }
  const close = await serveMetrics(taken, async () => '')
  const { world } = testWorld({ clock: systemClock })
  const run = withRunView({ dashboard: free, metrics: taken }, world, async () => 'ran')
  await expect(run).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  // The dashboard's port is free again.
  await (
    await serveMetrics(free, async () => '')
  )()
  await close()
})
