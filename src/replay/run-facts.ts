/** What a run says of itself: before it, on the terminal, and in the header of its result. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, plural } from '../base/format.ts'
import { newHeader, type TraceHeader } from '../trace/header.ts'
import type { Plan } from '../workload/plan.ts'
import type { ReplayOptions } from './options.ts'
import type { Preflight } from './preflight.ts'
import type { TargetFacts } from './target-facts.ts'

export type RunNames = Readonly<{
  /** Stands in each request's x-request-id. */
  runId: string
  textSeed: string
}>

export function planText(
  plan: Plan,
  { servers, notes }: Preflight,
  { textSeed }: RunNames,
): string {
  const seconds = plan.spanUs / 1_000_000
  const rate = seconds > 0 ? ` · ${formatCount(plan.count / seconds, 1)}/s` : ''
  const [first = '', ...others] = servers.map(
    ({ facts }) => `→ ${facts.url.origin} (${software(facts)})`,
  )
  const lines = [
    `plan  ${plural(plan.count, 'request')} · ${formatDuration(plan.spanUs)}${rate} · ` +
      `schedule ${plan.sha256.slice(0, 8)}…`,
    `      ${first}`,
    ...others.map((other) => `      ${other}`),
    `      text seed ${textSeed}: --text-seed sends the same words again`,
    ...notes.map((note) => `      ${note}`),
    '',
  ]
  return fold(lines.join('\n'))
}

function software({ isVllm, version }: TargetFacts): string {
  return isVllm ? `vLLM ${version ?? ''}`.trim() : 'an OpenAI-like server'
}

export function headerOf(
  plan: Plan,
  { servers, targets }: Preflight,
  options: ReplayOptions,
  { runId, textSeed }: RunNames,
): TraceHeader {
  const empty = newHeader('replayed')
  const facts = servers.map((server) => server.facts)
  const contexts = targets.flatMap(({ maxModelTokens }) => maxModelTokens ?? [])
  return {
    ...empty,
    seed: plan.seed,
    planSha256: plan.sha256,
    shard: plan.shard,
    transforms: plan.steps,
    tokenizer: options.tokenizers[0]?.place.split('/').at(-1) ?? null,
    server: {
      ...empty.server,
      software: facts.every(({ isVllm }) => isVllm) ? 'vllm' : null,
      version: facts[0]?.version ?? null,
      models: [...new Set(targets.map(({ model }) => model))],
      maxModelTokens: contexts.length === 0 ? null : Math.min(...contexts),
      blockTokens: facts[0]?.blockTokens ?? null,
      fingerprint: facts.map(({ fingerprint }) => fingerprint).join(' '),
    },
    labels: {
      run: runId,
      textSeed,
      source: plan.source.rowDigest ?? '',
      prefix: options.prefix,
      connections: options.connections,
    },
  }
}
