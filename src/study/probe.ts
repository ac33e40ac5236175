/** A slow second opinion beside a replay: its own thread, connections and HTTP library. Effects: starts a thread. */
import { startThread, type Worker } from '../base/threads.ts'
import type { RunControls, RunHooks } from '../replay/run-hooks.ts'
import { quantiles } from '../stats/quantile.ts'
import type { EndpointName, SampleRow } from '../trace/columns.ts'
import type { Plan } from '../workload/plan.ts'
import type { ProbeAnswer, ProbeWorkerData } from './probe-worker.ts'

/** Enough to see that an answer goes on after its first token. */
const OUTPUT_TOKENS = 2
/** A longer prompt would be load of its own. */
const MAX_PROMPT_TOKENS = 4_096
const SPOKEN: ReadonlySet<EndpointName> = new Set(['chat', 'completions'])

/** @param perSecond questions a second */
export function probeHooks(plan: Plan, perSecond: number): RunHooks {
  const answers: ProbeAnswer[] = []
  let over: Promise<void> | null = null
  let worker: Worker | null = null
  return {
    onBegin(controls) {
      const started = startThread(import.meta.url, './probe-worker', {
        workerData: probeData(plan, perSecond, controls),
      })
      const { promise, resolve } = Promise.withResolvers<void>()
      started.on('message', (answer: ProbeAnswer | null) => {
        if (answer === null) resolve()
        else answers.push(answer)
      })
      started.on('error', () => resolve())
      // A run that fails asks for no end: the prober holds nothing up.
      started.unref()
      worker = started
      over = promise
    },
    async onEnd() {
      worker?.ref()
      worker?.postMessage('stop')
      await over
      await worker?.terminate()
      return answers.flatMap(sampleRows)
    },
  }
}

function probeData(plan: Plan, perSecond: number, controls: RunControls): ProbeWorkerData {
  const { url, target, http, startUs } = controls.probe
  const isChat = mostSpoken(plan) === 'chat'
  const sizes = Float64Array.from(plan.columns.promptTokens).filter((tokens) => tokens > 0)
  const [median = 1] = sizes.length === 0 ? [1] : quantiles(sizes, [0.5])
  const { dialect, vocabulary } = target
  return {
    url: new URL(`${target.basePath}/${isChat ? 'chat/completions' : 'completions'}`, url).href,
    http,
    isChat,
    body: {
      model: target.model,
      [isChat ? dialect.chatLimit : 'max_tokens']: OUTPUT_TOKENS,
      stream: true,
      ...(dialect.hasStreamOptions ? { stream_options: { include_usage: true } } : {}),
      ...(dialect.isVllm ? { ignore_eos: true } : {}),
    },
    words: vocabulary.words,
    promptWords: Math.max(1, Math.min(MAX_PROMPT_TOKENS, Math.round(median))),
    startUs,
    stepUs: 1e6 / perSecond,
    seed: `${plan.sha256} ${startUs}`,
  }
}

function mostSpoken({ columns, shapes, count }: Plan): EndpointName {
  const counts = new Map<EndpointName, number>()
  for (let row = 0; row < count; row += 1) {
    const endpoint = shapes[columns.shape[row]!]?.endpoint ?? 'other'
    if (SPOKEN.has(endpoint)) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 'completions'
}

function sampleRows({ dueUs, ttftUs, promptTokens, outputTokens }: ProbeAnswer): SampleRow[] {
  const values = { ttft_us: ttftUs, prompt_tokens: promptTokens, output_tokens: outputTokens }
  return [
    { atUs: dueUs, metric: 'trace:probe_sent', labels: null, value: 1 },
    ...Object.entries(values).flatMap(([name, value]) =>
      value === null ? [] : [{ atUs: dueUs, metric: `trace:probe_${name}`, labels: null, value }],
    ),
  ]
}
