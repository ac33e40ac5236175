/** `trace engine`: a simulated vLLM server, so that everything runs without a GPU. */
import { Command } from 'commander'
import { fold } from '../base/fold.ts'
import {
  ENGINE_DEFAULTS,
  type RawEngineOptions,
  describeProfiles,
  parseEngineOptions,
} from '../engine/options.ts'
import { runEngine } from '../engine/run-engine.ts'
import { addFlags } from './add-flags.ts'
import type { Verb } from './verbs.ts'

const KEYS = {
  apiKey: {
    flags: '--api-key <key>',
    description: 'let in only who has such a key',
    isRepeatable: true,
  },
} as const

export const engineCommand: Verb = (world) =>
  addFlags(
    new Command('engine')
      .option('--listen <host:port>', 'where to listen', ENGINE_DEFAULTS.listen)
      .option('--profile <name>', 'which server to simulate, see below', ENGINE_DEFAULTS.profile)
      .option('--seed <text>', 'same seed, same answers', ENGINE_DEFAULTS.seed)
      .option('--log <file>', 'what it received and sent, and when; JSON lines, written at the end')
      .option('--model <name>', 'name of the served model; without it, the profile says')
      .option('--max-num-seqs <count>', 'most sequences in one step')
      .option('--max-num-batched-tokens <count>', 'most tokens in one step')
      .option('--max-model-len <tokens>', 'most tokens of one sequence')
      .option('--kv-blocks <count>', 'blocks in the KV cache')
      .option('--max-num-queued-reqs <count>', 'turn requests away with 503 beyond so many')
      .option('--stream-interval <tokens>', 'tokens in one event', ENGINE_DEFAULTS.streamInterval)
      .option('--keep-alive <duration>', 'a comment after so long a silence in a stream')
      .option('--no-prefix-caching', 'compute every prompt anew')
      .option('--prompt-tokens-details', 'cached tokens in usage')
      .option('--per-request-metrics', "the server's own times beside usage")
      .option('--request-id-headers', 'echo X-Request-Id')
      .option('--force-usage', 'usage in every stream, unasked'),
    KEYS,
  )
    .addHelpText(
      'after',
      `\nProfiles (docs/engine.md has their constants):\n${fold(describeProfiles())}\n\nExamples:\n` +
        '  $ trace engine --listen 127.0.0.1:8000\n' +
        '  $ trace engine --listen 127.0.0.1:8000 --profile h100-8b --log sent.jsonl\n',
    )
    .action((raw: RawEngineOptions) => runEngine(parseEngineOptions(raw), world))
