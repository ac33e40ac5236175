/**
 * Thread of the independent prober: asks at fixed instants over connections of its own, by another HTTP
 * library than the measured load. Effects: network.
 */
import { systemClock } from '../base/clock.ts'
import { HttpClient, type HttpOptions } from '../base/http.ts'
import { sequenceFor } from '../base/random.ts'
import { parentPort, workerData } from '../base/threads.ts'

export type ProbeWorkerData = Readonly<{
  /** Of the route that is asked, e.g. http://host:8000/v1/completions. */
  url: string
  http: HttpOptions
  isChat: boolean
  /** Everything but the prompt. */
  body: Readonly<Record<string, unknown>>
  words: readonly string[]
  promptWords: number
  /** Instant of the run's due 0, and between two questions. */
  startUs: number
  stepUs: number
  seed: string
}>

/** One question: null where no token came. Times µs, `dueUs` since the run's start. */
export type ProbeAnswer = Readonly<{
  dueUs: number
  ttftUs: number | null
  promptTokens: number | null
  outputTokens: number | null
}>

type Choice = Readonly<{
  text?: string
  finish_reason?: string | null
  delta?: Readonly<Record<string, unknown>>
}>
type Event = Readonly<{
  choices?: readonly Choice[]
  usage?: Readonly<{ prompt_tokens?: number; completion_tokens?: number }> | null
}>

async function run(data: ProbeWorkerData, port: NonNullable<typeof parentPort>): Promise<void> {
  const client = new HttpClient(data.http)
  const draw = sequenceFor(data.seed, 'probe')
  const over = new AbortController()
  const open = new Set<Promise<ProbeAnswer>>()
  port.once('message', () => over.abort())
  for (let step = 0; ; step += 1) {
    const dueUs = step * data.stepUs
    const isDue = await systemClock
      .sleepUntil(data.startUs + dueUs, over.signal)
      .then(() => true)
      .catch(() => false)
    if (!isDue) break
    const words = Array.from(
      { length: data.promptWords },
      () => data.words[Math.floor(draw() * data.words.length)]!,
    )
    const asked = ask(client, data, words.join(''), dueUs)
    open.add(asked)
    void asked.then((answer) => port.postMessage(answer)).finally(() => open.delete(asked))
  }
  await Promise.all(open)
  await client.close()
  port.postMessage(null)
}

async function ask(
  client: HttpClient,
  { url, body, isChat, startUs }: ProbeWorkerData,
  prompt: string,
  dueUs: number,
): Promise<ProbeAnswer> {
  const full = {
    ...body,
    ...(isChat ? { messages: [{ role: 'user', content: prompt }] } : { prompt }),
  }
  const seen = {
    ttftUs: null as number | null,
    promptTokens: null as number | null,
    outputTokens: null as number | null,
  }
  try {
    const answer = await client.open(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(full),
    })
    let text = ''
    for await (const part of answer.body) {
      const atUs = systemClock.nowUs() - startUs
      const lines = (text + Buffer.from(part).toString('latin1')).split('\n')
      text = lines.pop() ?? ''
      for (const event of lines.flatMap(eventOf)) {
        if (seen.ttftUs === null && event.choices?.some(bearsToken)) seen.ttftUs = atUs - dueUs
        seen.promptTokens = event.usage?.prompt_tokens ?? seen.promptTokens
        seen.outputTokens = event.usage?.completion_tokens ?? seen.outputTokens
      }
    }
  } catch {
    // A question without an answer is counted as one.
  }
  return { dueUs, ...seen }
}

function eventOf(line: string): Event[] {
  if (!line.startsWith('data:') || line.includes('[DONE]')) return []
  try {
    return [JSON.parse(line.slice('data:'.length)) as Event]
  } catch {
    return []
  }
}

/** Not the event that only names the role. */
function bearsToken({ text, delta, finish_reason: reason }: Choice): boolean {
  if (typeof text === 'string' || typeof reason === 'string') return true
  return ['content', 'reasoning', 'reasoning_content'].some((name) => Boolean(delta?.[name]))
}

if (parentPort !== null) await run(workerData as ProbeWorkerData, parentPort)
