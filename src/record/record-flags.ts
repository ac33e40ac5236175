/** Every flag of `trace record` with its default and its line of help: the one table. Pure. */
import { OBSERVE_FLAGS } from './observe-options.ts'

export const RECORD_FLAGS = {
  upstream: {
    flags: '--upstream <url>',
    description: 'server to stand in front of, without a path',
  },
  listen: {
    flags: '--listen <host:port>',
    description: 'where clients connect',
    default: '127.0.0.1:9000',
  },
  route: {
    flags: '--route <listen=url>',
    description: 'one more listener with its own server, e.g. 9001=http://b:8000; repeatable',
    isRepeatable: true,
  },
  out: {
    flags: '--out <directory>',
    description: 'the recording; one that is there already goes on',
    default: 'recording',
  },
  drain: {
    flags: '--drain <duration>',
    description: 'at the end, let streams finish for so long',
    default: '30s',
  },
  dialSilent: {
    flags: '--dial-silent <duration>',
    description: 'reach the server for a client that says nothing for so long; 0: never',
    default: '1s',
  },
  connectTimeout: {
    flags: '--connect-timeout <duration>',
    description: 'for the server to accept a connection',
    default: '10s',
  },
  idleTimeout: {
    flags: '--idle-timeout <duration>',
    description: 'cut a connection on which nothing passes; 0: never',
    default: '0',
  },
  totalTimeout: {
    flags: '--total-timeout <duration>',
    description: 'cut a connection of that age; 0: never',
    default: '0',
  },
  workers: {
    flags: '--workers <count>',
    description: 'threads that relay, each on a core if there is one; one thread writes',
    default: '1',
  },
  maxConnections: {
    flags: '--max-connections <count>',
    description: 'more than so many are refused',
    default: '20000',
  },
  maxHead: {
    flags: '--max-head <size>',
    description: 'longer heads pass, and their connection is read no further',
    default: '64KB',
  },
  maxBody: {
    flags: '--max-body <size>',
    description: 'of a body, so much is looked at; the rest only passes',
    default: '16MB',
  },
  maxStream: {
    flags: '--max-stream <size>',
    description: 'of a streamed answer, so much is looked at',
    default: '16MB',
  },
  queueBytes: {
    flags: '--queue-bytes <size>',
    description: 'may wait for the observer; more is not recorded',
    default: '64MB',
  },
  queueRecords: {
    flags: '--queue-records <count>',
    description: 'the same, in reads of a socket',
    default: '1000000',
  },
  queueRows: {
    flags: '--queue-rows <count>',
    description: 'may wait for the disk; more are not recorded',
    default: '100000',
  },
  queueRowBytes: {
    flags: '--queue-row-bytes <size>',
    description: 'the same, in memory with their prefix blocks',
    default: '256MB',
  },
  rotateSize: {
    flags: '--rotate-size <size>',
    description: 'finish a segment of that size; 0B: never',
    default: '1GB',
  },
  rotateAge: {
    flags: '--rotate-age <duration>',
    description: 'finish a segment of that age; 0: never',
    default: '24h',
  },
  keepSegments: {
    flags: '--keep-segments <count>',
    description: 'delete the oldest beyond so many; 0: keep all',
    default: '0',
  },
  keepAge: {
    flags: '--keep-age <duration>',
    description: 'delete segments finished that long ago; 0: keep all',
    default: '0',
  },
  keepBytes: {
    flags: '--keep-bytes <size>',
    description: 'delete the oldest beyond that size in all; 0B: keep all',
    default: '0B',
  },
  tlsCert: {
    flags: '--tls-cert <file>',
    description: 'speak TLS to clients with this certificate chain; read again on SIGHUP',
  },
  tlsKey: { flags: '--tls-key <file>', description: 'its key' },
  upstreamCa: {
    flags: '--upstream-ca <file>',
    description: 'trust these authorities for an https upstream',
  },
  upstreamSni: {
    flags: '--upstream-sni <name>',
    description: 'name to ask for and to verify, where it is not the host',
  },
  upstreamCert: {
    flags: '--upstream-cert <file>',
    description: 'certificate to show to the upstream',
  },
  upstreamKey: { flags: '--upstream-key <file>', description: 'its key' },
  insecure: {
    flags: '--insecure',
    description: "do not verify the upstream's certificate; the trace says so",
  },
  proxyProtocol: {
    flags: '--proxy-protocol',
    description: 'clients begin with a PROXY header, version 1 or 2',
  },
  sendProxy: {
    flags: '--send-proxy <version>',
    description: 'begin upstream connections with a PROXY header: off, v1, v2',
    default: 'off',
  },
  requireRecording: {
    flags: '--require-recording',
    description: 'refuse what cannot be recorded, instead of letting it pass',
  },
  askUsage: {
    flags: '--ask-usage',
    description: 'ask for usage in streams that do not, and take it out of the answer again',
  },
  mirror: {
    flags: '--mirror',
    description: 'clients are copies sent by a mirror: the trace says what that cannot see',
  },
  takeOver: {
    flags: '--take-over',
    description: 'share the port with the recorder that has it, which is about to end',
  },
  ...OBSERVE_FLAGS,
} as const

type Flags = typeof RECORD_FLAGS
type WithDefault = {
  [K in keyof Flags]: Flags[K] extends { default: string } ? K : never
}[keyof Flags]

type SwitchFlag =
  | 'capturePolicy'
  | 'insecure'
  | 'proxyProtocol'
  | 'takeOver'
  | 'requireRecording'
  | 'mirror'
  | 'askUsage'
type TextFlag = Exclude<keyof Flags, WithDefault | SwitchFlag | 'route'>

/** The strings as they come from the command line. */
export type RawRecordOptions = Readonly<
  Record<WithDefault, string> &
    Partial<Record<TextFlag, string>> &
    Partial<Record<SwitchFlag, true>> & { route?: readonly string[] }
>

export const RECORD_DEFAULTS = Object.fromEntries(
  Object.entries(RECORD_FLAGS).flatMap(([key, flag]) =>
    'default' in flag ? [[key, flag.default]] : [],
  ),
) as Record<WithDefault, string>
