/**
 * The demo's made-up users: who asks for what, and when. Pure: the same seed gives the same day.
 *
 * Chat sessions that think between turns and share system prompts, bursts of a retrieval service, a
 * batch tenant, and people who hang up. Most of them never ask for usage.
 */
import { type Draw, drawFor } from '../base/random.ts'

/** What one user does after the answer of the turn before, or at the start. */
export type Turn = Readonly<{
  path: string
  /** Body as JSON; `messages` of later turns are completed with the answers so far. */
  body: Readonly<Record<string, unknown>>
  /** Text that this turn adds; null where the body is whole. */
  userText: string | null
  isStream: boolean
  /** Hang up after so many events, or `beforeFirst` after so many µs; null: read to the end. */
  hangUp: Readonly<{ kind: 'events' | 'time'; after: number }> | null
  /** Pause before it, µs. */
  thinkUs: number
}>

export type User = Readonly<{
  kind: 'chat' | 'burst' | 'batch'
  /** µs from the start. */
  atUs: number
  systemText: string | null
  turns: readonly Turn[]
}>

const US_PER_SEC = 1_000_000
const CHAT_PER_SEC = 2
const BURST_EVERY_US = 3_000_000
const BURST_SIZE = 9
const BATCH_EVERY_US = 900_000
const HANG_UP_SHARE = 0.12
const USAGE_SHARE = 0.15

const SYSTEM_WORDS = [320, 180, 90]

/** @returns users in the order in which they come */
export function demoTraffic(seed: string, durationUs: number): User[] {
  const users = [
    ...chatUsers(seed, durationUs),
    ...burstUsers(seed, durationUs),
    ...batchUsers(seed, durationUs),
  ]
  return users.toSorted((a, b) => a.atUs - b.atUs)
}

function chatUsers(seed: string, durationUs: number): User[] {
  const draw = drawFor(seed, 'demo chat')
  const users: User[] = []
  let atUs = 0
  for (let index = 0; ; index += 1) {
    atUs += exponential(draw(index, 0, 0)) * (US_PER_SEC / CHAT_PER_SEC)
    if (atUs >= durationUs) return users
    const turnCount = 1 + Math.floor(draw(index, 0, 1) * 4)
    const systemIndex = Math.floor(draw(index, 0, 2) ** 2 * SYSTEM_WORDS.length)
    const draws: Draw = (k) => draw(index, 0, 100 + k)
    users.push({
      kind: 'chat',
      atUs: Math.round(atUs),
      systemText: words(drawFor(seed, `system ${systemIndex}`), SYSTEM_WORDS[systemIndex] ?? 0),
      turns: Array.from({ length: turnCount }, (_, turn) =>
        chatTurn(
          draws,
          turn,
          words(drawFor(seed, `chat ${index} ${turn}`), textLength(draws, turn)),
        ),
      ),
    })
  }
}

function textLength(draw: Draw, turn: number): number {
  return Math.min(
    400,
    Math.round(12 * Math.exp(1.1 * normal(draw(turn * 10), draw(turn * 10 + 1)))) + 4,
  )
}

function chatTurn(draw: Draw, turn: number, userText: string): Turn {
  const at = (k: number) => draw(turn * 10 + k)
  const asksUsage = at(3) < USAGE_SHARE
  return {
    path: '/v1/chat/completions',
    body: {
      stream: true,
      max_tokens: 32 + Math.floor(at(4) * 40),
      temperature: 0.7,
      ...(asksUsage ? { stream_options: { include_usage: true } } : {}),
    },
    userText,
    isStream: true,
    hangUp: hangUpOf(at(5), at(6)),
    thinkUs: turn === 0 ? 0 : Math.round(exponential(at(7)) * 0.8 * US_PER_SEC),
  }
}

function hangUpOf(whether: number, when: number): Turn['hangUp'] {
  if (whether >= HANG_UP_SHARE) return null
  if (when < 0.25) return { kind: 'time', after: 20_000 }
  return { kind: 'events', after: 3 + Math.floor(when * 25) }
}

function burstUsers(seed: string, durationUs: number): User[] {
  const draw = drawFor(seed, 'demo burst')
  const document = words(drawFor(seed, 'demo document'), 260)
  const users: User[] = []
  for (let atUs = BURST_EVERY_US / 2; atUs < durationUs; atUs += BURST_EVERY_US) {
    for (let index = 0; index < BURST_SIZE; index += 1) {
      const k = users.length
      const passage = words(drawFor(seed, `passage ${k}`), 80 + Math.floor(draw(k, 0, 1) * 350))
      users.push({
        kind: 'burst',
        atUs: atUs + Math.floor(draw(k) * 150_000),
        systemText: null,
        turns: [
          completion(
            { prompt: `${document}${passage}`, max_tokens: 12 + Math.floor(draw(k, 0, 2) * 24) },
            true,
          ),
        ],
      })
    }
  }
  return users
}

function batchUsers(seed: string, durationUs: number): User[] {
  const draw = drawFor(seed, 'demo batch')
  const users: User[] = []
  for (let atUs = BATCH_EVERY_US; atUs < durationUs; atUs += BATCH_EVERY_US) {
    const k = users.length
    const prompt = words(drawFor(seed, `batch ${k}`), 500 + Math.floor(draw(k) * 700))
    const body = { prompt, max_tokens: 16, temperature: 0, priority: 1 }
    users.push({ kind: 'batch', atUs, systemText: null, turns: [completion(body, false)] })
  }
  return users
}

function completion(body: Readonly<Record<string, unknown>>, isStream: boolean): Turn {
  return {
    path: '/v1/completions',
    body: isStream ? { ...body, stream: true } : body,
    userText: null,
    isStream,
    hangUp: null,
    thinkUs: 0,
  }
}

const WORDS =
  'please show how the current plan would change when more people read the same report at once and why ' +
  'does our service answer late in the morning but not at night what is the best way to explain a simple ' +
  'result with few words write a short story about a small river town make a list of open questions for the ' +
  'next meeting compare these two numbers and say which one is better'

const LIST = WORDS.split(' ')

function words(draw: Draw, count: number): string {
  return Array.from(
    { length: count },
    (_, index) => ` ${LIST[Math.floor(draw(index) * LIST.length)] ?? ''}`,
  ).join('')
}

function exponential(uniform: number): number {
  return -Math.log(1 - uniform)
}

function normal(one: number, two: number): number {
  return Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * two)
}
