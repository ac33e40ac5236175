/** Laws of the simulated scheduler, on virtual time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashStep } from '../../src/engine/hash.ts'
import { type Profile, stepDurationUs } from '../../src/engine/profile.ts'
import { PROFILES } from '../../src/engine/profiles.ts'
import {
  type Output,
  type Scheduler,
  beginStep,
  createScheduler,
  endStep,
  enqueue,
  finishSequence,
} from '../../src/engine/scheduler.ts'
import type { Sequence } from '../../src/engine/sequence.ts'

const SMALL: Profile = {
  name: 'small',
  origin: 'made up, small enough to fill',
  modelName: 'small',
  maxModelTokens: 64,
  maxSequences: 4,
  maxStepTokens: 16,
  blockTokens: 4,
  blockCount: 16,
  stepUs: 100,
  sequenceUs: 10,
  weightsUs: 500,
  tokenUs: 50,
  kvTokenUs: 1,
  pairUs: 0.5,
  arrivalUs: 0,
  answerTokens: null,
}

type Demand = Readonly<{ atUs: number; prompt: readonly number[]; outputTokens: number }>

const demands = (maxCount = 12) =>
  fc
    .array(
      fc.record({
        atUs: fc.nat(20_000),
        // Few distinct tokens, so that prefixes are often shared.
        prompt: fc.array(fc.nat(1), { minLength: 1, maxLength: 40 }),
        outputTokens: fc.integer({ min: 1, max: 20 }),
      }),
      { minLength: 1, maxLength: maxCount },
    )
    .map((list): Demand[] => list.toSorted((a, b) => a.atUs - b.atUs))

type Run = Readonly<{ scheduler: Scheduler; outputs: Output[]; sequences: Sequence[] }>

/** Runs until nothing is left; `afterStep` may hang up. */
function run(
  list: readonly Demand[],
  options: Readonly<{
    profile?: Profile
    hasPrefixCache?: boolean
    afterStep?: (scheduler: Scheduler, sequences: readonly Sequence[], stepIndex: number) => void
    onRest?: (scheduler: Scheduler) => void
  }> = {},
): Run {
  const { profile = SMALL, hasPrefixCache = true, afterStep, onRest } = options
  const scheduler = createScheduler(profile, hasPrefixCache)
  const sequences: Sequence[] = []
  const outputs: Output[] = []
  let nowUs = 0
  for (let stepIndex = 0; ; stepIndex += 1) {
    if (stepIndex > 20_000) throw new Error('it does not end')
    for (let next = list[sequences.length]; next !== undefined && next.atUs <= nowUs;) {
      const id = sequences.length
      sequences.push(
        enqueue(scheduler, {
          id,
          promptTokens: next.prompt,
          maxTokens: next.outputTokens,
          salt: 1,
          skipsCache: false,
          arrivedUs: next.atUs,
          queuedUs: next.atUs,
          nextToken: (index) => ({ token: hashStep(id, index) % 50_000, isLast: false }),
        }),
      )
      next = list[sequences.length]
    }
    const step = beginStep(scheduler, nowUs)
    if (step === null) {
      onRest?.(scheduler)
      const next = list[sequences.length]
      if (next === undefined) return { scheduler, outputs, sequences }
      nowUs = next.atUs
      continue
    }
    expect(step.tokenCount).toBeLessThanOrEqual(profile.maxStepTokens)
    expect(scheduler.running.length).toBeLessThanOrEqual(profile.maxSequences)
    outputs.push(...endStep(scheduler))
    afterStep?.(scheduler, sequences, stepIndex)
    nowUs = step.endUs
  }
}

/** Blocks in use, counted from the sequences, against what the pool believes. */
function usersOf(scheduler: Scheduler): number[] {
  const users = Array.from({ length: scheduler.pool.blockCount }, () => 0)
  for (const { blocks } of scheduler.running) {
    for (const block of blocks) users[block] = (users[block] ?? 0) + 1
  }
  return users
}

describe('the simulated scheduler', () => {
  test('every request gets exactly the tokens that it asked for', () => {
    fc.assert(
      fc.property(demands(), (list) => {
        const { sequences } = run(list)
        expect(sequences.map(({ tokens, promptCount }) => tokens.length - promptCount)).toEqual(
          list.map(({ outputTokens }) => outputTokens),
        )
        expect(sequences.every(({ finish }) => finish === 'length')).toBe(true)
      }),
    )
  })

  test('no block is leaked or used twice, after any step, with hang-ups', () => {
    fc.assert(
      fc.property(demands(), fc.array(fc.nat(60), { maxLength: 6 }), (list, hangUps) => {
        const { scheduler } = run(list, {
          afterStep: (state, sequences, stepIndex) => {
            const victim = sequences[hangUps.indexOf(stepIndex)]
            if (victim !== undefined) finishSequence(state, victim, 'abort')
            const users = usersOf(state)
            expect([...state.pool.users]).toEqual(users)
            expect(state.pool.freeCount).toBe(users.filter((count) => count === 0).length)
          },
        })
        expect(scheduler.pool.freeCount).toBe(SMALL.blockCount)
        expect(scheduler.running).toEqual([])
        expect(scheduler.waiting).toEqual([])
      }),
    )
  })

  test('a hang-up frees its slot before the next step', () => {
    const scheduler = createScheduler({ ...SMALL, maxSequences: 1 })
    const ask = (id: number) =>
      enqueue(scheduler, {
        id,
        promptTokens: [1, 2, 3],
        maxTokens: 5,
        salt: 1,
        skipsCache: false,
        arrivedUs: 0,
        queuedUs: 0,
        nextToken: () => ({ token: 7, isLast: false }),
      })
    const first = ask(0)
    const second = ask(1)
    beginStep(scheduler, 0)
    finishSequence(scheduler, first, 'abort')
    expect(endStep(scheduler)).toEqual([])
    expect(beginStep(scheduler, 1_000)?.sequences).toEqual([second])
  })

  test('a prompt that skips the cache is computed whole, and can be shared by the next', () => {
    const scheduler = createScheduler({ ...SMALL, maxStepTokens: 64 })
    const cachedOf = (id: number, skipsCache: boolean) => {
      const sequence = enqueue(scheduler, {
        id,
        promptTokens: [1, 2, 3, 4, 5, 6, 7, 8, 9],
        maxTokens: 1,
        salt: 1,
        skipsCache,
        arrivedUs: 0,
        queuedUs: 0,
        nextToken: () => ({ token: 7, isLast: false }),
      })
      beginStep(scheduler, 0)
      endStep(scheduler)
      return sequence.cachedCount
    }
    expect([cachedOf(0, true), cachedOf(1, true), cachedOf(2, false)]).toEqual([0, 0, 8])
    expect(scheduler.counts).toMatchObject({ prefixQueries: 9, prefixHits: 8 })
  })

  test('first tokens come in the order of arrival', () => {
    fc.assert(
      fc.property(demands(), (list) => {
        const { sequences } = run(list)
        const scheduledUs = sequences.map((sequence) => sequence.scheduledUs ?? 0)
        expect(scheduledUs).toEqual(scheduledUs.toSorted((a, b) => a - b))
      }),
    )
  })

  test('the same demand gives the same tokens at the same times', () => {
    fc.assert(
      fc.property(demands(), (list) => {
        const times = () => run(list).outputs.map(({ token, atUs }) => [token, atUs])
        expect(times()).toEqual(times())
      }),
    )
  })

  test('work is conserved: it never rests while a request waits or runs', () => {
    fc.assert(
      fc.property(demands(), (list) => {
        let restCount = 0
        run(list, {
          onRest: ({ waiting, running }) => {
            restCount += 1
            expect(waiting.length + running.length).toBe(0)
          },
        })
        expect(restCount).toBeGreaterThan(0)
      }),
    )
  })

  test('of requests that come together, one more makes no other faster', () => {
    const roomy = { ...SMALL, maxSequences: 64, maxStepTokens: 100_000, blockCount: 10_000 }
    const endsUs = (list: readonly Demand[]) =>
      run(list, { profile: roomy, hasPrefixCache: false }).sequences.map(
        ({ lastTokenUs }) => lastTokenUs ?? 0,
      )
    fc.assert(
      fc.property(demands(8), (list) => {
        const together = list.map((demand) => ({ ...demand, atUs: 0 }))
        const withAll = endsUs(together)
        for (const [index, endUs] of endsUs(together.slice(0, -1)).entries()) {
          expect(withAll[index]).toBeGreaterThanOrEqual(endUs)
        }
      }),
    )
  })
})

describe('the simulated prefix cache', () => {
  const roomy: Profile = {
    ...SMALL,
    blockTokens: 128,
    blockCount: 1_000,
    maxModelTokens: 8_192,
    maxStepTokens: 4_096,
  }
  const prompt = (length: number) => Array.from({ length }, (_, index) => index)

  test.each([
    [1_000, 896],
    [256, 128],
    [257, 256],
    [128, 0],
  ])('%i tokens sent again hit %i: whole blocks, and never the last token', (length, hit) => {
    const demand = { prompt: prompt(length), outputTokens: 1 }
    const list = [
      { ...demand, atUs: 0 },
      { ...demand, atUs: 10_000_000 },
    ]
    const { sequences, scheduler } = run(list, { profile: roomy })
    expect(sequences.map(({ cachedCount }) => cachedCount)).toEqual([0, hit])
    expect(scheduler.counts).toEqual({ preemptions: 0, prefixQueries: 2 * length, prefixHits: hit })
  })

  test('a prefix is found by all of it: the same block after another start is another block', () => {
    const tail = prompt(300)
    const { sequences } = run(
      [
        { atUs: 0, prompt: tail, outputTokens: 1 },
        {
          atUs: 10_000_000,
          prompt: [...prompt(128).map((token) => token + 1), ...tail],
          outputTokens: 1,
        },
      ],
      { profile: roomy },
    )
    expect(sequences[1]?.cachedCount).toBe(0)
  })

  test('the longest unused prefix is forgotten first', () => {
    const tight = { ...roomy, blockCount: 8, maxModelTokens: 512 }
    const other = prompt(512).map((token) => token + 10_000)
    const third = prompt(256).map((token) => token + 20_000)
    const ask = (atSec: number, tokens: number[]) => ({
      atUs: atSec * 10_000_000,
      prompt: tokens,
      outputTokens: 1,
    })
    const { sequences } = run(
      [ask(0, prompt(384)), ask(1, other), ask(2, third), ask(3, other), ask(4, prompt(384))],
      { profile: tight },
    )
    expect(sequences.map(({ cachedCount }) => cachedCount)).toEqual([0, 0, 0, 384, 128])
  })
})

describe('preemption', () => {
  test('when the cache is full the youngest gives way, is computed anew, and loses no token', () => {
    const list = [0, 1, 2].map((index) => ({
      atUs: index,
      prompt: Array.from({ length: 12 }, (_, at) => index * 100 + at),
      outputTokens: 20,
    }))
    const { scheduler, sequences } = run(list)
    expect(scheduler.counts.preemptions).toBeGreaterThan(0)
    expect(sequences[0]?.preemptions).toBe(0)
    expect(sequences.map(({ tokens }) => tokens.length)).toEqual([32, 32, 32])
  })
})

describe('the time of a step', () => {
  test('more tokens, sequences or cached context never make a step shorter', () => {
    const load = fc.record({
      tokenCount: fc.nat(10_000),
      sequenceCount: fc.nat(1_000),
      kvTokenCount: fc.nat(1_000_000),
      pairCount: fc.nat(10_000_000),
    })
    fc.assert(
      fc.property(fc.constantFrom(...PROFILES), load, load, (profile, one, two) => {
        const both = {
          tokenCount: one.tokenCount + two.tokenCount,
          sequenceCount: one.sequenceCount + two.sequenceCount,
          kvTokenCount: one.kvTokenCount + two.kvTokenCount,
          pairCount: one.pairCount + two.pairCount,
        }
        expect(stepDurationUs(profile, both)).toBeGreaterThanOrEqual(stepDurationUs(profile, one))
      }),
    )
  })

  test('reading the weights bounds a small batch, arithmetic a large one', () => {
    const h100 = PROFILES.find(({ name }) => name === 'h100-8b')
    if (h100 === undefined) throw new Error('the profile is gone')
    const stepUs = (tokenCount: number) =>
      stepDurationUs(h100, { tokenCount, sequenceCount: 1, kvTokenCount: 0, pairCount: 0 })
    expect(stepUs(1)).toBe(stepUs(100))
    expect(stepUs(8_192)).toBe(267_560)
  })
})
