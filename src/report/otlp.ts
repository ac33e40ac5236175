/**
 * The door to the OpenTelemetry SDK: one span for each request of a trace, and the client metrics of the
 * GenAI conventions. Effects: network.
 *
 * Sent when a run is over, so that nothing is measured beside. Headers, certificates and time limits
 * come from where the SDK looks: OTEL_EXPORTER_OTLP_*.
 */
import type { Histogram } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { TraceError } from '../base/errors.ts'
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import { PRODUCER_VERSION } from '../trace/header.ts'
import { openTrace } from '../trace/open.ts'
import type { TraceReader } from '../trace/trace.ts'
import { runNameOf, SPAN_COLUMNS, type SpanBatch, type SpanFacts, spanFacts } from './span-facts.ts'

/** Spans in one export; a receiver's usual limit is 4 MB. */
const SPANS_PER_EXPORT = 512
/** Buckets that the conventions give, s. */
const SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304]
/** Nothing is collected before the end. */
const NEVER_MS = 2_000_000_000

type Sdk = Awaited<ReturnType<typeof loadSdk>>

export type Otlp = Readonly<{
  /** @returns how many spans were taken; @throws TraceError TARGET_DOWN */
  send: (tracePath: string) => Promise<number>
}>

/** @throws TraceError BAD_OPTION where the packages are missing: before a run, not after it */
export async function openOtlp(url: URL): Promise<Otlp> {
  const sdk = await loadSdk()
  return {
    async send(tracePath) {
      const reader = await openTrace(tracePath)
      try {
        return await sendTrace(sdk, url, reader)
      } finally {
        await reader.close()
      }
    },
  }
}

async function loadSdk() {
  try {
    const [traces, metrics, meters, resources] = await Promise.all([
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/exporter-metrics-otlp-proto'),
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/resources'),
    ])
    return { ...traces, ...metrics, ...meters, ...resources }
  } catch (cause) {
    throw new TraceError('BAD_OPTION', '--otlp needs the packages of OpenTelemetry', {
      hint: 'npm install @opentelemetry/{api,resources,sdk-metrics,sdk-trace,exporter-trace-otlp-proto,exporter-metrics-otlp-proto}',
      cause,
    })
  }
}

async function sendTrace(sdk: Sdk, url: URL, reader: TraceReader): Promise<number> {
  const { header } = reader
  const resource = sdk.resourceFromAttributes({
    'service.name': 'trace',
    'service.version': PRODUCER_VERSION,
    'service.instance.id': runNameOf(header),
  })
  const exporter = new sdk.OTLPTraceExporter({ url: signalUrl(url, 'traces') })
  const meters = new sdk.MeterProvider({
    resource,
    readers: [
      new sdk.PeriodicExportingMetricReader({
        exporter: new sdk.OTLPMetricExporter({ url: signalUrl(url, 'metrics') }),
        exportIntervalMillis: NEVER_MS,
        exportTimeoutMillis: NEVER_MS / 2,
      }),
    ],
  })
  const count = newCounts(meters)
  let sentCount = 0
  let spans: ReadableSpan[] = []
  const flush = async () => {
    if (spans.length === 0) return
    await exported(url, (done) => exporter.export(spans, done))
    sentCount += spans.length
    spans = []
  }
  try {
    for await (const batch of reader.requests(SPAN_COLUMNS)) {
      for (let row = 0; row < batch.rowCount; row += 1) {
        const facts = spanFacts(header, batch, row)
        if (facts === null) continue
        count(batch, row, facts)
        if (spans.push(spanOf(facts, resource)) >= SPANS_PER_EXPORT) await flush()
      }
    }
    await flush()
    await meters.forceFlush()
  } catch (error) {
    if (error instanceof TraceError) throw error
    throw unreachable(url, error)
  } finally {
    await Promise.allSettled([exporter.shutdown(), meters.shutdown()])
  }
  return sentCount
}

function signalUrl(url: URL, signal: 'traces' | 'metrics'): string {
  return `${url.href.replace(/\/+$/, '')}/v1/${signal}`
}

async function exported(
  url: URL,
  run: (done: (result: { code: number; error?: Error }) => void) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; error?: Error }>()
  run(resolve)
  const { code, error } = await promise
  if (code !== 0) throw unreachable(url, error)
}

function unreachable(url: URL, cause: unknown): TraceError {
  const reason = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : ''
  return new TraceError('TARGET_DOWN', `${url.origin} does not take spans${reason}`, {
    hint: 'An OTLP/HTTP receiver listens on port 4318; `trace report RUN --otlp URL` sends them later.',
    cause,
  })
}

/** The conventions: SpanKind CLIENT is 2, a failed span's status is ERROR (2). */
function spanOf(facts: SpanFacts, resource: ReadableSpan['resource']): ReadableSpan {
  const { name, traceId, spanId, attributes, error, startWallUs, endWallUs } = facts
  return {
    name,
    kind: 2,
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    startTime: hrTime(startWallUs),
    endTime: hrTime(endWallUs),
    duration: hrTime(endWallUs - startWallUs),
    status: error === null ? { code: 0 } : { code: 2, message: error },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'vllm-trace', version: PRODUCER_VERSION },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function hrTime(us: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(us / 1e6)
  return [seconds, Math.round((us - seconds * 1e6) * 1_000)]
}

/** @returns counts one row into the conventions' client metrics */
function newCounts(meters: InstanceType<Sdk['MeterProvider']>) {
  const meter = meters.getMeter('vllm-trace', PRODUCER_VERSION)
  const histogram = (name: string, unit: string, explicitBucketBoundaries: number[]): Histogram =>
    meter.createHistogram(`gen_ai.client.${name}`, { unit, advice: { explicitBucketBoundaries } })
  const duration = histogram('operation.duration', 's', SECONDS)
  const first = histogram('operation.time_to_first_chunk', 's', SECONDS)
  const each = histogram('operation.time_per_output_chunk', 's', SECONDS)
  const usage = histogram('token.usage', '{token}', TOKENS)
  return ({ columns }: SpanBatch, row: number, facts: SpanFacts): void => {
    const { attributes, error, startWallUs, endWallUs } = facts
    const common = Object.fromEntries(
      ['gen_ai.operation.name', 'gen_ai.provider.name', 'gen_ai.request.model', 'server.address']
        .filter((name) => attributes[name] !== undefined)
        .map((name) => [name, attributes[name]!]),
    )
    const ended = error === null ? common : { ...common, 'error.type': error }
    duration.record((endWallUs - startWallUs) / 1e6, ended)
    const ttftUs = columns.ttftUs[row]!
    if (!Number.isNaN(ttftUs)) first.record(ttftUs / 1e6, common)
    const packed = columns.chunkTimes[row]
    const times = packed ? decodeChunkTimes(packed) : []
    for (let at = 1; at < times.length; at += 1) {
      each.record((times[at]! - times[at - 1]!) / 1e6, common)
    }
    for (const [type, tokens] of [
      ['input', columns.promptTokens[row]!],
      ['output', columns.outputTokens[row]!],
    ] as const) {
      if (!Number.isNaN(tokens)) usage.record(tokens, { ...common, 'gen_ai.token.type': type })
    }
  }
}
