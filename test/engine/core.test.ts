/** The engine's loop on virtual time: what a profile promises is what requests get. */
import { describe, expect, test } from 'vitest'
import { drawFor } from '../../src/base/random.ts'
import { EngineCore } from '../../src/engine/core.ts'
import { EngineMetrics } from '../../src/engine/metrics.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import { type Profile, stepDurationUs } from '../../src/engine/profile.ts'
import type { EngineSettings } from '../../src/engine/settings.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

type Demand = Readonly<{
  atUs: number
  promptCount: number
  outputCount: number
  hangUpAfter?: number
}>

function settingsOf(profile: string, constants: Partial<Profile> = {}): EngineSettings {
  const raw = { ...ENGINE_DEFAULTS, profile, prefixCaching: true }
  const { settings } = parseEngineOptions(raw)
  return { ...settings, profile: { ...settings.profile, ...constants } }
}

/** @returns for each demand the times of its tokens, µs */
async function serve(settings: EngineSettings, demands: readonly Demand[]): Promise<number[][]> {
  const clock = new VirtualClock()
  const metrics = new EngineMetrics(settings, 0)
  const wait = (dueUs: number, signal: AbortSignal) =>
    clock.sleepUntil(dueUs, signal).catch(() => undefined)
  const core = new EngineCore(settings, clock, wait, metrics)
  const times: number[][] = demands.map(() => [])
  let openCount = demands.length
  const done = Promise.withResolvers<void>()
  const play = async ({ atUs, promptCount, outputCount, hangUpAfter }: Demand, index: number) => {
    await clock.sleepUntil(atUs)
    const ticket = core.submit(
      {
        promptTokens: Array.from({ length: promptCount }, (_, at) => index * 10_000 + at),
        maxTokens: outputCount,
        skipsCache: false,
        salt: 1,
        arrivedUs: clock.nowUs(),
        nextToken: () => ({ token: 5, isLast: false }),
      },
      ({ sequence, atUs: tokenUs }) => {
        times[index]?.push(tokenUs)
        const isLeaving = times[index]?.length === hangUpAfter
        if (isLeaving) core.cancel(ticket, 'abort')
        if (!isLeaving && sequence.finish === null) return
        openCount -= 1
        if (openCount === 0) done.resolve()
      },
    )
  }
  const running = core.run()
  const all = Promise.all([...demands.map(play), done.promise]).then(() => core.close())
  await clock.run(all.then(() => running))
  return times
}

describe('the engine on virtual time', () => {
  test('one request alone: its prompt takes one step, each token after it one more', async () => {
    const settings = settingsOf('h100-8b')
    const { profile } = settings
    const [times = []] = await serve(settings, [{ atUs: 1_000, promptCount: 100, outputCount: 3 }])
    const stepUs = (tokenCount: number, context: number, pairCount: number) =>
      stepDurationUs(profile, { tokenCount, sequenceCount: 1, kvTokenCount: context, pairCount })
    const first = 1_000 + profile.arrivalUs + stepUs(100, 100, 5_050)
    const second = first + stepUs(1, 101, 101)
    expect(times).toEqual([first, second, second + stepUs(1, 102, 102)])
  })

  test('a long prompt is computed in pieces, and others get tokens between them', async () => {
    const settings = settingsOf('l4-3b')
    const [short = [], long = []] = await serve(settings, [
      { atUs: 0, promptCount: 10, outputCount: 30 },
      { atUs: 100_000, promptCount: 10_000, outputCount: 1 },
    ])
    const firstLong = long[0] ?? 0
    const between = short.filter((atUs) => atUs > 100_000 && atUs < firstLong)
    // 10,000 tokens in steps of 2,048 less the one token of the other: five steps.
    expect(between.length).toBeGreaterThanOrEqual(4)
  })

  test('beyond what it can serve a queue builds up, and throughput stays at the limit', async () => {
    const settings = settingsOf('l4-3b')
    const draw = drawFor('1', 'arrivals')
    const demandsAt = (ratePerSec: number) => {
      let atUs = 0
      return Array.from({ length: 200 }, (_, index) => {
        atUs += (-Math.log(1 - draw(index)) * 1_000_000) / ratePerSec
        return { atUs: Math.round(atUs), promptCount: 800, outputCount: 40 }
      })
    }
    const ttftAt = async (ratePerSec: number) => {
      const demands = demandsAt(ratePerSec)
      const times = await serve(settings, demands)
      const ttfts = times.map(([first = 0], index) => first - (demands[index]?.atUs ?? 0))
      return ttfts.toSorted((a, b) => a - b)[100] ?? 0
    }
    // One request's prompt costs 800 tokens of arithmetic, about 85 ms: 12 a second at the very most.
    const calm = await ttftAt(2)
    const busy = await ttftAt(6)
    const over = await ttftAt(20)
    expect(busy).toBeGreaterThan(calm)
    expect(over).toBeGreaterThan(10 * calm)
  })

  test('who hangs up gets nothing more, and the next in the queue takes the slot', async () => {
    const settings = settingsOf('steady-20ms', { maxSequences: 1 })
    const [left = [], next = []] = await serve(settings, [
      { atUs: 0, promptCount: 5, outputCount: 1_000, hangUpAfter: 3 },
      { atUs: 1, promptCount: 5, outputCount: 2 },
    ])
    expect(left).toEqual([20_000, 40_000, 60_000])
    expect(next).toEqual([80_000, 100_000])
  })
})
