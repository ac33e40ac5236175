/** What a pipe is given: its surroundings, its server, its limits. Types, and one fixed answer. */
import type { HostPort } from '../base/parse.ts'
import type { DialTls } from '../base/socket.ts'
import type { DelayMeter } from './delay-meter.ts'
import type { Feed } from './feed.ts'
import type { Tap } from './tap.ts'

/** What all pipes of one relay share. */
export type PipeContext = Readonly<{
  feed: Feed
  delays: DelayMeter
  nowUs: () => number
  /** Streams are changed on their way so that the server tells their usage. */
  asksUsage: boolean
  /** Requests that cannot be recorded are cut: the observer is shown them first. */
  mustRecord: boolean
  /** Asked after the observer was shown the bytes; false: they must not go on. */
  mayPass: (tap: Tap) => boolean
  /** Where upstream reads land; each read is copied before it is written. */
  readBuffer: Buffer
  onGone: (id: number) => void
  onRefused: () => void
}>

/** Where one listener's bytes go. */
export type Upstream = Readonly<{
  route: string
  /** null while the name was never resolved. */
  address: () => HostPort | null
  tls: () => DialTls | null
  onReached: () => void
  /** @param reason one phrase, never quoting what the server sent */
  onUnreachable: (reason: string) => void
}>

export type PipeLimits = Readonly<{
  /** For a client that has said nothing the upstream is dialled at that age; 0: never. */
  silentUs: number
  connectUs: number
  /** 0 is no limit. */
  idleUs: number
  totalUs: number
}>

const REFUSAL = 'The model server behind this address cannot be reached right now.\n'
/** Said in the server's place while it cannot be reached. */
export const REFUSAL_BYTES = Buffer.from(
  `HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain\r\ncontent-length: ${REFUSAL.length}\r\n` +
    `connection: close\r\n\r\n${REFUSAL}`,
)
