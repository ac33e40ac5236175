/**
 * How far the wall clock here is from the target's, so that the parts of a run that several machines send
 * can be laid over each other. Effects: network.
 */
import { pause, type Clock } from '../base/clock.ts'
import { formatDuration } from '../base/format.ts'
import type { HttpClient } from '../base/http.ts'

export type ClockOffset = Readonly<{
  /** The target's wall clock minus ours, µs. */
  offsetUs: number
  /** It may be so much more or less, if the target stamps its answers when it gives them. */
  errorUs: number
}>

/** One answer's Date, in whole seconds, and when we asked and had it. */
export type DateReading = Readonly<{ dateUs: number; askedUs: number; hadUs: number }>

/** A second and a bit: the date changes once in it, and that instant tells most. */
const READINGS = 24
const STEP_US = 45_000
const SECOND_US = 1_000_000

/** @returns null where the target's answers bear no date */
export async function measureClock(
  client: HttpClient,
  url: URL,
  clock: Clock,
): Promise<ClockOffset | null> {
  const readings: DateReading[] = []
  for (let reading = 0; reading < READINGS; reading += 1) {
    const askedUs = clock.wallUs()
    const { headers } = await client.call(url)
    const hadUs = clock.wallUs()
    const dateUs = Date.parse(String(headers['date'] ?? '')) * 1_000
    if (!Number.isFinite(dateUs)) return null
    readings.push({ dateUs, askedUs, hadUs })
    await pause(STEP_US)
  }
  return offsetOf(readings)
}

/**
 * A date of D was true at some instant from D to D + 1 s, which lay between asking and having. The
 * readings agree on what all of them allow.
 *
 * Formula: max(D − had) ≤ offset ≤ min(D + 1 s − asked), as in htpdate.
 */
export function offsetOf(readings: readonly DateReading[]): ClockOffset | null {
  if (readings.length === 0) return null
  const least = readings.reduce(
    (most, { dateUs, hadUs }) => Math.max(most, dateUs - hadUs),
    -Infinity,
  )
  const most = readings.reduce(
    (lowest, { dateUs, askedUs }) => Math.min(lowest, dateUs + SECOND_US - askedUs),
    Infinity,
  )
  // Several servers behind one address, or dates that are kept for a while: both ends are possible.
  const errorUs = Math.abs(most - least) / 2
  return { offsetUs: Math.round((least + most) / 2), errorUs: Math.ceil(errorUs) }
}

/** 'clock 3 ms behind the target's, give or take 24 ms' */
export function clockText(offset: ClockOffset | null): string {
  if (offset === null) return 'clock not compared: the answers of the target bear no date'
  const { offsetUs, errorUs } = offset
  const side = offsetUs < 0 ? 'ahead of' : 'behind'
  const size = formatDuration(Math.abs(offsetUs))
  return `clock ${size} ${side} the target's, give or take ${formatDuration(errorUs)}`
}
