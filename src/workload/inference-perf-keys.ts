/** Names every key of an inference-perf file that has no effect here, and says what to use instead. Pure. */

const DISTRIBUTION = '(min|max|mean|std|std_dev|variance|type|skew)'

/** What that tool knows: pattern and what to do here. `*` is any one name or index. */
const KNOWN: readonly (readonly [string, string])[] = [
  ['server.base_url', 'say --target when you replay'],
  ['server.ignore_eos', 'a replay asks for exact lengths by itself'],
  ['server.api_key', 'a secret, not copied: --api-key-file when you replay'],
  ['server.*', 'the target is looked at when you replay'],
  ['tokenizer.token', 'a secret, not copied'],
  ['tokenizer.*', 'the target counts its own tokens'],
  ['api.headers', 'may hold secrets, not copied: --header when you replay'],
  ['api.*', 'not part of the load'],
  ['load.num_workers', 'a schedule here is the same for any number of workers'],
  ['load.worker_max_concurrency', 'capped requests in flight there: --max-in-flight'],
  ['load.worker_max_tcp_connections', 'a replay opens a connection for each request'],
  ['load.request_timeout', '--timeout when you replay'],
  ['load.request_retr*', '--retry when you replay'],
  ['load.stage_teardown_grace_seconds', 'a replay waits for each answer up to its --timeout'],
  ['load.circuit_breakers', '--breaker when you replay'],
  ['load.sweep.(num_requests|timeout|saturation_percentile)', 'nothing is measured here'],
  ['load.sweep', 'say with --saturation what the server bears'],
  ['load.trace', 'a data set: `trace convert` reads it'],
  ['load.(interval|base_seed|lora_traffic_split)', 'not used by this load'],
  [
    'load.stages.*.(rate|duration|num_requests|concurrency_level|concurrent_sessions|session_rate' +
      '|num_sessions|timeout|max_stage_duration)',
    'not used by this kind of stage',
  ],
  ['metrics', 'the server is watched by the replay itself'],
  ['report', '`trace report` writes what there is'],
  ['storage', '`trace push` stores traces and reports'],
  ['circuit_breakers', '--breaker when you replay'],
  ['data.(.+.)?total_count', 'as many lengths are drawn as there are requests'],
  [`data.*_distribution.${DISTRIBUTION}`, 'not used by this kind of data or distribution'],
  ['data.path', 'sizes come from the distributions'],
  ['data.corpus_file_path', '--text when you replay'],
  ['data.use_chat_template', 'sizes here are with the template'],
  ['data.(shared_prefix.)?multimodal', 'pictures, films and sounds are not made here'],
  [
    'data.(trace|otel_trace_replay|weka_trace_replay|visionarena)',
    '`trace convert` reads data sets',
  ],
  ['data.synthetic_agentic', 'agents are not made here'],
  ['data.shared_prefix.seed', 'say --seed'],
  ['data.shared_prefix.enable_multi_turn_chat', 'each question is a request of its own here'],
  [
    'data.shared_prefix.(num_groups|num_unique_system_prompts|num_prompts_per_group' +
      '|num_users_per_system_prompt)',
    'not used by this kind of data',
  ],
  [
    'data.shared_prefix.(system_prompt_len|question_len|output_len|question_distribution' +
      `|output_distribution)(.${DISTRIBUTION})?`,
    'not used by this kind of data or distribution',
  ],
  ['data.conversation_replay.seed', 'say --seed'],
  ['data.conversation_replay.num_conversations', 'there are as many as the stages start'],
  ['data.conversation_replay.max_model_len', '--too-long when you replay'],
  [
    'data.conversation_replay.(shared_system_prompt_len|(dynamic_system_prompt_len' +
      '|turns_per_conversation|input_tokens_per_turn|output_tokens_per_turn' +
      `|tool_call_latency_sec)(.${DISTRIBUTION})?)`,
    'not used by this kind of data or distribution',
  ],
]

/**
 * @param paths that nothing asked for
 * @returns one line for each key, named by its path; values are never repeated
 */
export function ineffectiveKeys(paths: readonly string[]): string[] {
  const lines = paths.map((path) => {
    const known = KNOWN.find(([pattern]) => matches(pattern, path))
    if (known === undefined)
      return `${path}: unknown; v0.2.0 ignores such keys, 0.7.0 stops at them`
    const [pattern, advice] = known
    // What is below a whole section is told once.
    const name = /[*(]/.test(pattern) ? path : pattern
    return `${name}: no effect here; ${advice}`
  })
  return [...new Set(lines)]
}

/** Whether the path is what the pattern says, or lies below it. */
function matches(pattern: string, path: string): boolean {
  const expression = pattern
    .replaceAll('.+.', '\0')
    .replaceAll('.', String.raw`\.`)
    .replaceAll('*', '[^.]*')
    .replaceAll('\0', String.raw`.+\.`)
  return new RegExp(`^${expression}(\\..+)?$`).test(path)
}
