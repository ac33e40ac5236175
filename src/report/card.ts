/** What a team publishes beside a trace: what it is, where from, how to use it; as Markdown. Pure. */
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'
import type { TraceHeader } from '../trace/header.ts'
import { formatInspection } from './inspection-text.ts'
import type { Inspection } from './inspection.ts'

/** What a card says, in plain text: whoever draws it escapes it. */
export type Card = Readonly<{
  title: string
  facts: readonly (readonly [label: string, text: string])[]
  /** As `trace inspect` says them. */
  figures: string
  origin: readonly string[]
  steps: readonly Readonly<{ name: string; given: string }>[]
  limits: readonly string[]
  commands: readonly string[]
}>

export function cardOfTrace(
  name: string,
  header: TraceHeader,
  inspection: Inspection,
  rowDigest: string,
): Card {
  const { arrivals } = inspection
  const rate = arrivals.rate_n_over_dur
  return {
    title: name,
    facts: [
      ['requests', formatCount(arrivals.n)],
      ['span', formatDuration(arrivals.duration_s * 1e6)],
      ['rate', rate === null ? '–' : `${significant(rate, 3)}/s`],
      ['prompt tokens', formatCount(inspection.input?.sum ?? 0)],
      ['output tokens', formatCount(inspection.output?.sum ?? 0)],
      [
        'prompt tokens seen before',
        inspection.prefix ? formatShare(inspection.prefix.token_prefix_hit_ratio) : 'no prefix ids',
      ],
      ['sessions', inspection.sessions ? formatCount(inspection.sessions.sessions) : 'not known'],
      ['row digest (SHA-256)', rowDigest],
      ['licence', header.licence ?? 'not stated: ask its owner'],
    ],
    figures: formatInspection(inspection).trimEnd(),
    origin: originOf(header),
    steps: header.transforms.map(({ name: step, arguments: given }) => ({
      name: step,
      given: JSON.stringify(given),
    })),
    limits: limits(header, inspection),
    commands: [
      `trace inspect ${shellName(name)}`,
      `trace replay ${shellName(name)} --target http://127.0.0.1:8000`,
    ],
  }
}

export function cardMarkdown(card: Card): string {
  const steps = card.steps.map(
    ({ name, given }, index) => `${index + 1}. ${safe(name)} \`${given.replaceAll('`', "'")}\``,
  )
  return [
    `# ${safe(card.title)}`,
    '',
    '| | |',
    '|---|---|',
    ...card.facts.map(([label, text]) => `| ${label} | ${safe(text)} |`),
    '',
    '```',
    card.figures,
    '```',
    '',
    `## ${CARD_TITLES.origin}`,
    '',
    ...card.origin.map(safe),
    '',
    `## ${CARD_TITLES.steps}`,
    '',
    ...(steps.length === 0 ? [UNCHANGED] : steps),
    '',
    `## ${CARD_TITLES.limits}`,
    '',
    ...card.limits.map((line) => `- ${safe(line)}`),
    '',
    `## ${CARD_TITLES.commands}`,
    '',
    '```',
    ...card.commands,
    '```',
    '',
  ].join('\n')
}

export const CARD_TITLES = {
  origin: 'Origin',
  steps: 'What was done to it',
  limits: 'Limits of use',
  commands: 'Use it',
} as const
export const UNCHANGED = 'Nothing.'

function originOf({ kind, producer, producerVersion, server, capture }: TraceHeader): string[] {
  const software = [server.software, server.version].filter(Boolean).join(' ')
  const sampledBy = capture.sampledBy === null ? '' : ` by ${capture.sampledBy}`
  return [
    `${KINDS[kind]} by ${producer} ${producerVersion}.`,
    `Server: ${software || 'not known'}.`,
    `Kept: ${capture.policy}${capture.samplingShare === 1 ? '' : `; sampled share ${formatShare(capture.samplingShare, 0)}${sampledBy}`}.`,
    ...capture.notes.map((note) => `${note}.`),
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
          `Ids were made with key ${header.hashing.keyId}: they match only traces of the same key.`,
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
