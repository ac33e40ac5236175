/** Plays the demo's users against an address. Effects: network, time. */
import type { Clock } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { HttpClient } from '../base/http.ts'
import type { Turn, User } from './demo-traffic.ts'

export type DemoTally = { requests: number; answered: number; hungUp: number; failed: number }

export type PlayOptions = Readonly<{
  baseUrl: string
  /** No turn begins later than this after the start, µs. */
  durationUs: number
}>

/** @returns once every user is done */
export async function playUsers(
  users: readonly User[],
  { baseUrl, durationUs }: PlayOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<DemoTally> {
  const client = new HttpClient()
  const tally: DemoTally = { requests: 0, answered: 0, hungUp: 0, failed: 0 }
  const startUs = clock.nowUs()
  try {
    await Promise.all(
      users.map(async (user) => {
        await clock.sleepUntil(startUs + user.atUs, signal)
        const endUs = startUs + durationUs
        await playUser(user, { baseUrl, client, clock, signal, tally, endUs })
      }),
    )
    return tally
  } finally {
    await client.close()
  }
}

type Stage = Readonly<{
  baseUrl: string
  client: HttpClient
  clock: Clock
  signal: AbortSignal
  tally: DemoTally
  endUs: number
}>

type Message = Readonly<{ role: string; content: string }>

async function playUser(user: User, stage: Stage): Promise<void> {
  const { clock, signal, endUs } = stage
  const history: Message[] = []
  for (const turn of user.turns) {
    if (turn.thinkUs > 0) await clock.sleepUntil(clock.nowUs() + turn.thinkUs, signal)
    if (clock.nowUs() > endUs) return
    if (turn.userText !== null) history.push({ role: 'user', content: turn.userText })
    const answer = await ask(turn, bodyOf(turn, user.systemText, history), stage)
    if (answer === null) return
    history.push({ role: 'assistant', content: answer })
  }
}

function bodyOf(turn: Turn, systemText: string | null, history: readonly Message[]): string {
  if (turn.userText === null) return JSON.stringify(turn.body)
  const system = systemText === null ? [] : [{ role: 'system', content: systemText }]
  return JSON.stringify({ ...turn.body, messages: [...system, ...history] })
}

/** @returns the answer's text, or null where this user left or was turned away */
async function ask(turn: Turn, body: string, stage: Stage): Promise<string | null> {
  const { client, baseUrl, tally, signal } = stage
  const leaving = new AbortController()
  tally.requests += 1
  const isGone = leaveInTime(turn, stage, leaving)
  try {
    const answer = await client.open(`${baseUrl}${turn.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.any([signal, leaving.signal]),
    })
    const text = await read(answer.body, turn, leaving)
    if (answer.status !== 200) tally.failed += 1
    else tally.answered += 1
    return answer.status === 200 ? text : null
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (!leaving.signal.aborted && !(error instanceof TraceError)) throw error
    if (leaving.signal.aborted) tally.hungUp += 1
    else tally.failed += 1
    return null
  } finally {
    leaving.abort()
    await isGone
  }
}

/** Hangs up before the first token where the turn says so. */
async function leaveInTime(turn: Turn, { clock }: Stage, leaving: AbortController): Promise<void> {
  if (turn.hangUp?.kind !== 'time') return
  await clock
    .sleepUntil(clock.nowUs() + turn.hangUp.after, leaving.signal)
    .then(() => leaving.abort())
    .catch(() => undefined)
}

async function read(
  body: AsyncIterable<Uint8Array>,
  turn: Turn,
  leaving: AbortController,
): Promise<string> {
  const decoder = new TextDecoder()
  const limit = turn.hangUp?.kind === 'events' ? turn.hangUp.after : Infinity
  let text = ''
  for await (const part of body) {
    text += decoder.decode(part, { stream: true })
    if (text.split('\n\n').length > limit) leaving.abort()
  }
  return turn.isStream ? textOf(text) : ''
}

/** The words of a streamed answer. */
function textOf(stream: string): string {
  const pieces = stream.matchAll(/"delta":\{[^}]*?"content":("(?:[^"\\]|\\.)*")/g)
  return [...pieces].map(([, piece = '""']) => JSON.parse(piece) as string).join('')
}
