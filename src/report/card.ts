/** The page that a team publishes beside a trace, as Markdown: what it is, where from, how to use it. Pure. */
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'
import type { TraceHeader } from '../trace/header.ts'
import { formatInspection } from './inspection-text.ts'
import type { Inspection } from './inspection.ts'

export function traceCard(
  name: string,
  header: TraceHeader,
  inspection: Inspection,
  rowDigest: string,
): string {
  const { arrivals } = inspection
  const facts = [
    ['requests', formatCount(arrivals.n)],
    ['span', formatDuration(arrivals.duration_s * 1e6)],
    [
      'rate',
      arrivals.rate_n_over_dur === null ? '–' : `${significant(arrivals.rate_n_over_dur, 3)}/s`,
    ],
    ['prompt tokens', formatCount(inspection.input?.sum ?? 0)],
    ['output tokens', formatCount(inspection.output?.sum ?? 0)],
    [
      'prompt tokens seen before',
      inspection.prefix ? formatShare(inspection.prefix.token_prefix_hit_ratio) : 'no prefix ids',
    ],
    ['sessions', inspection.sessions ? formatCount(inspection.sessions.sessions) : 'not known'],
    ['row digest (SHA-256)', `\`${rowDigest}\``],
    ['licence', safe(header.licence ?? 'not stated: ask its owner')],
  ]
  return [
    `# ${safe(name)}`,
    '',
    '| | |',
    '|---|---|',
    ...facts.map(([label, value]) => `| ${label} | ${value} |`),
    '',
    '```',
    formatInspection(inspection).trimEnd(),
    '```',
    '',
    ...originLines(header),
    '## Limits of use',
    '',
    ...limits(header, inspection).map((line) => `- ${line}`),
    '',
    '## Use it',
    '',
    '```',
    `trace inspect ${shellName(name)}`,
    `trace replay ${shellName(name)} --target http://127.0.0.1:8000`,
    '```',
    '',
  ].join('\n')
}

function originLines({
  kind,
  producer,
  producerVersion,
  server,
  capture,
  transforms,
}: TraceHeader): string[] {
  const software = [server.software, server.version].filter(Boolean).join(' ')
  const sampledBy = capture.sampledBy === null ? '' : ` by ${safe(capture.sampledBy)}`
  const steps = transforms.map(
    ({ name, arguments: given }, index) =>
      `${index + 1}. ${safe(name)} \`${JSON.stringify(given).replaceAll('`', "'")}\``,
  )
  return [
    '## Origin',
    '',
    `${KINDS[kind]} by ${safe(producer)} ${safe(producerVersion)}.`,
    `Server: ${safe(software || 'not known')}.`,
    `Kept: ${safe(capture.policy)}; sampled share ${formatShare(capture.samplingShare, 0)}${sampledBy}.`,
    ...capture.notes.map((note) => `${safe(note)}.`),
    '',
    '## What was done to it',
    '',
    ...(steps.length === 0 ? ['Nothing.'] : steps),
    '',
  ]
}

const KINDS: Readonly<Record<TraceHeader['kind'], string>> = {
  recorded: 'Recorded from live traffic',
  imported: 'Imported from another format',
  synthetic: 'Generated from a model of traffic',
  replayed: 'A replay, recorded at its client',
}

function limits(
  header: TraceHeader,
  { arrivals, token_sources: sources, prefix, latency }: Inspection,
): string[] {
  const estimated = (sources['estimate'] ?? 0) / Math.max(1, arrivals.n)
  return [
    'Sizes, times and keyed ids only: no prompt and no answer is in it, and none can be made from it.',
    ...(arrivals.quantum_us > 1_000
      ? [
          `Its clock has a step of ${formatDuration(arrivals.quantum_us)}: finer arrivals are not known.`,
        ]
      : []),
    ...((arrivals.iat_zero_frac ?? 0) > 0.3
      ? [
          `${formatShare(arrivals.iat_zero_frac ?? 0, 0)} of requests share their instant with the one before: replay with --dequantise.`,
        ]
      : []),
    ...(estimated > 0
      ? [`Token counts of ${formatShare(estimated)} of the rows are estimates.`]
      : []),
    ...(prefix === null
      ? ['It says nothing about shared prefixes: a replay will see no cache hits.']
      : []),
    ...(latency === null
      ? ['It holds no latencies: a replay has nothing to be compared with.']
      : []),
    ...(header.hashing.keyId === null || prefix === null
      ? []
      : [
          `Ids were made with key ${safe(header.hashing.keyId)}: they match only traces of the same key.`,
        ]),
  ]
}

/** Headers are a stranger's text: no markup, no line breaks. */
function safe(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[|`[\]*_\\]/g, (letter) => `\\${letter}`)
}

function shellName(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`
}
