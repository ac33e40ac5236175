/**
 * Continuous batching as vLLM does it: which tokens of which sequences are computed in the next step.
 * Pure: a function of the state and of the times it is given; it knows no clock and no randomness.
 *
 * First come, first served. Running sequences go first; what is left of the step's token budget goes
 * to prompts, in pieces. When the KV cache is full, the youngest running sequence gives its blocks
 * back and is computed anew later.
 */
import { type BlockPool, availableBeside, createBlockPool, findPrefix } from './blocks.ts'
import { publishBlock, release, share, take } from './blocks.ts'
import { type Profile, stepDurationUs } from './profile.ts'
import { type FinishReason, type Sequence, type SequenceRequest } from './sequence.ts'
import { createSequence, hashesOf } from './sequence.ts'

export type Scheduler = {
  readonly profile: Profile
  readonly pool: BlockPool
  readonly hasPrefixCache: boolean
  readonly waiting: Sequence[]
  readonly running: Sequence[]
  /** Set while a step is being computed. */
  step: Step | null
  readonly counts: {
    preemptions: number
    prefixQueries: number
    prefixHits: number
  }
}

/** What is computed between `startUs` and `endUs`. */
export type Step = Readonly<{
  startUs: number
  endUs: number
  sequences: readonly Sequence[]
  /** Tokens computed of each. */
  tokenCounts: readonly number[]
  tokenCount: number
}>

/** One new token. */
export type Output = Readonly<{ sequence: Sequence; token: number; atUs: number }>

export function createScheduler(profile: Profile, hasPrefixCache = true): Scheduler {
  return {
    profile,
    pool: createBlockPool(profile.blockCount, profile.blockTokens),
    hasPrefixCache,
    waiting: [],
    running: [],
    step: null,
    counts: { preemptions: 0, prefixQueries: 0, prefixHits: 0 },
  }
}

/** Puts a prompt at the end of the queue. */
export function enqueue(scheduler: Scheduler, request: SequenceRequest): Sequence {
  const sequence = createSequence(request)
  scheduler.waiting.push(sequence)
  return sequence
}

/** Ends a sequence from outside (a hang-up, a stop string); its slot and blocks are free at once. */
export function finishSequence(
  scheduler: Scheduler,
  sequence: Sequence,
  reason: FinishReason,
): void {
  if (sequence.state === 'finished') return
  const list = sequence.state === 'waiting' ? scheduler.waiting : scheduler.running
  list.splice(list.indexOf(sequence), 1)
  retire(scheduler, sequence, reason)
}

/**
 * Starts the next step, if there is anything to compute and none is being computed.
 *
 * @returns the step, or null where nothing can run
 */
export function beginStep(scheduler: Scheduler, startUs: number): Step | null {
  if (scheduler.step !== null) return null
  const draft: Draft = { sequences: [], tokenCounts: [], budget: scheduler.profile.maxStepTokens }
  const isPreempted = scheduleRunning(scheduler, draft)
  if (!isPreempted) scheduleWaiting(scheduler, draft, startUs)
  if (draft.sequences.length === 0) return null
  let tokenCount = 0
  let kvTokenCount = 0
  let pairCount = 0
  for (const [index, sequence] of draft.sequences.entries()) {
    const count = draft.tokenCounts[index] ?? 0
    tokenCount += count
    kvTokenCount += sequence.computedCount + count
    // Each token looks back on those before it, and on itself.
    pairCount += count * (sequence.computedCount + (count + 1) / 2)
  }
  const { sequences, tokenCounts } = draft
  const load = { tokenCount, sequenceCount: sequences.length, kvTokenCount, pairCount }
  const endUs = startUs + stepDurationUs(scheduler.profile, load)
  scheduler.step = { startUs, endUs, sequences, tokenCounts, tokenCount }
  return scheduler.step
}

/**
 * Ends the step: each sequence that is computed to its end has one more token.
 *
 * @returns the new tokens, in the order of the batch; sequences that ended say so in `finish`
 */
export function endStep(scheduler: Scheduler): Output[] {
  const { step } = scheduler
  if (step === null) return []
  scheduler.step = null
  const outputs: Output[] = []
  for (const [index, sequence] of step.sequences.entries()) {
    if (sequence.state !== 'running') continue
    sequence.computedCount += step.tokenCounts[index] ?? 0
    if (sequence.computedCount < sequence.tokens.length) continue
    outputs.push(sample(sequence, step.endUs))
    if (sequence.finish !== null) retire(scheduler, sequence, sequence.finish)
  }
  if (outputs.some(({ sequence }) => sequence.state === 'finished')) dropFinished(scheduler)
  return outputs
}

type Draft = { sequences: Sequence[]; tokenCounts: number[]; budget: number }

function sample(sequence: Sequence, atUs: number): Output {
  const answerIndex = sequence.tokens.length - sequence.promptCount
  const { token, isLast } = sequence.nextToken(answerIndex)
  sequence.tokens.push(token)
  sequence.previousTokenUs = sequence.lastTokenUs ?? atUs
  sequence.firstTokenUs ??= atUs
  sequence.lastTokenUs = atUs
  if (isLast) sequence.finish = 'stop'
  else if (answerIndex + 1 >= sequence.maxTokens) sequence.finish = 'length'
  return { sequence, token, atUs }
}

function retire(scheduler: Scheduler, sequence: Sequence, reason: FinishReason): void {
  sequence.state = 'finished'
  sequence.finish = reason
  release(scheduler.pool, sequence.blocks)
  sequence.blocks = []
}

function dropFinished(scheduler: Scheduler): void {
  const { running } = scheduler
  let kept = 0
  for (const sequence of running) {
    if (sequence.state === 'running') {
      running[kept] = sequence
      kept += 1
    }
  }
  running.length = kept
}

/** @returns whether a sequence had to give its place up */
function scheduleRunning(scheduler: Scheduler, draft: Draft): boolean {
  const { running } = scheduler
  let isPreempted = false
  for (let index = 0; index < running.length && draft.budget > 0; index += 1) {
    const sequence = running[index]
    if (sequence === undefined) break
    const count = Math.min(draft.budget, sequence.tokens.length - sequence.computedCount)
    while (!grow(scheduler, sequence, count)) {
      preemptYoungest(scheduler)
      isPreempted = true
      if (sequence.state !== 'running') return true
    }
    put(draft, sequence, count)
  }
  return isPreempted
}

function scheduleWaiting(scheduler: Scheduler, draft: Draft, nowUs: number): void {
  const { profile, waiting, running } = scheduler
  while (draft.budget > 0 && running.length < profile.maxSequences) {
    const sequence = waiting[0]
    if (sequence === undefined || !admit(scheduler, sequence, draft)) return
    waiting.shift()
    sequence.state = 'running'
    sequence.scheduledUs ??= nowUs
    running.push(sequence)
  }
}

/** Gives the first in the queue its cached prefix and blocks for what fits the budget; all or nothing. */
function admit(scheduler: Scheduler, sequence: Sequence, draft: Draft): boolean {
  const { pool } = scheduler
  const { blockTokens } = pool
  // At least one token must be computed, or there would be nothing to sample from.
  const limit = Math.floor((sequence.tokens.length - 1) / blockTokens)
  const isCacheRead = scheduler.hasPrefixCache && !sequence.skipsCache
  const hashes = isCacheRead ? hashesOf(sequence, blockTokens, limit) : []
  const prefix = findPrefix(pool, hashes, limit)
  const cachedCount = prefix.length * blockTokens
  const count = Math.min(draft.budget, sequence.tokens.length - cachedCount)
  const blocksWanted = Math.ceil((cachedCount + count) / blockTokens) - prefix.length
  if (blocksWanted > availableBeside(pool, prefix)) return false
  if (isCacheRead && sequence.preemptions === 0) {
    scheduler.counts.prefixQueries += sequence.tokens.length
    scheduler.counts.prefixHits += cachedCount
  }
  for (const block of prefix) share(pool, block)
  sequence.blocks = prefix
  sequence.computedCount = cachedCount
  if (sequence.scheduledUs === null) sequence.cachedCount = cachedCount
  grow(scheduler, sequence, count)
  put(draft, sequence, count)
  return true
}

/** Takes the blocks that `count` more tokens need, and publishes those that are full; all or nothing. */
function grow(scheduler: Scheduler, sequence: Sequence, count: number): boolean {
  const { pool } = scheduler
  const heldCount = sequence.computedCount + count
  const missing = Math.ceil(heldCount / pool.blockTokens) - sequence.blocks.length
  if (missing > pool.freeCount) return false
  for (let taken = 0; taken < missing; taken += 1) sequence.blocks.push(take(pool))
  if (!scheduler.hasPrefixCache) return true
  const from = Math.floor(sequence.computedCount / pool.blockTokens)
  const to = Math.floor(heldCount / pool.blockTokens)
  if (to === from) return true
  const hashes = hashesOf(sequence, pool.blockTokens, to)
  for (let index = from; index < to; index += 1) {
    publishBlock(pool, sequence.blocks[index] ?? 0, hashes[index] ?? 0)
  }
  return true
}

function preemptYoungest(scheduler: Scheduler): void {
  const victim = scheduler.running.pop()
  if (victim === undefined) return
  release(scheduler.pool, victim.blocks)
  victim.blocks = []
  victim.computedCount = 0
  victim.state = 'waiting'
  victim.preemptions += 1
  scheduler.counts.preemptions += 1
  scheduler.waiting.unshift(victim)
}

function put(draft: Draft, sequence: Sequence, count: number): void {
  draft.sequences.push(sequence)
  draft.tokenCounts.push(count)
  draft.budget -= count
}
