/** Names every key of an inference-perf file that has no effect here, and says what to use instead. Pure. */

/** What shapes the load. `*` is any one name or index. */
const USED = [
  'api.type',
  'api.streaming',
  'data.type',
  'data.*_distribution.(min|max|mean|std|std_dev|variance|type)',
  'data.shared_prefix.(num_groups|num_unique_system_prompts)',
  'data.shared_prefix.(num_prompts_per_group|num_users_per_system_prompt)',
  'data.shared_prefix.(system_prompt_len|question_len|output_len)(.*)?',
  'data.shared_prefix.(question|output)_distribution.*',
  'data.conversation_replay.(shared_system_prompt_len|dynamic_system_prompt_len)(.*)?',
  'data.conversation_replay.(turns_per_conversation|tool_call_latency_sec).*',
  'data.conversation_replay.(input|output)_tokens_per_turn.*',
  'load.(type|interval|base_seed)',
  'load.stages.*.(rate|duration|num_requests|concurrency_level)',
  'load.stages.*.(concurrent_sessions|session_rate|num_sessions)',
  'load.lora_traffic_split.*.(name|split)',
  'server.model_name',
]

/** Known there, without effect on the load: pattern and what to do here. */
const ELSEWHERE: readonly (readonly [string, string])[] = [
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
  ['load.request_timeout', 'a stall limit is an option of the replay'],
  ['load.request_retr*', '--retry when you replay'],
  ['load.circuit_breakers', 'an option of the replay'],
  ['metrics', 'the server is watched by the replay itself'],
  ['report', '`trace report` writes what there is'],
  ['storage', '`trace push` stores traces and reports'],
  ['circuit_breakers', 'an option of the replay'],
  ['data.*_distribution.total_count', 'as many lengths are drawn as there are requests'],
  ['data.path', 'sizes come from the distributions'],
  ['data.corpus_file_path', '--text when you replay'],
  ['data.conversation_replay.*', 'not part of the load here'],
  ['data.shared_prefix.*', 'not part of the load here'],
]

/** @returns one line for each key, named by its path; values are never repeated */
export function ineffectiveKeys(document: unknown): string[] {
  const lines = new Set<string>()
  for (const path of leafPaths(document, '')) {
    if (USED.some((pattern) => matches(pattern, path))) continue
    const known = ELSEWHERE.find(
      ([pattern]) => matches(pattern, path) || path.startsWith(`${pattern}.`),
    )
    if (known === undefined) {
      lines.add(`${path}: unknown; v0.2.0 ignores such keys, 0.7.0 stops at them`)
    } else {
      const name = known[0].includes('*') ? path : known[0]
      lines.add(`${name}: no effect here; ${known[1]}`)
    }
  }
  return [...lines]
}

function matches(pattern: string, path: string): boolean {
  const expression = pattern
    .replaceAll('.', String.raw`\.`)
    .replaceAll(String.raw`(\.*)?`, String.raw`(\..+)?`)
    .replaceAll(/\*(?!\))/g, '[^.]*')
  return new RegExp(`^${expression}$`).test(path)
}

function leafPaths(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  const entries = Object.entries(value)
  if (entries.length === 0) return path === '' ? [] : [path]
  return entries.flatMap(([key, item]) => leafPaths(item, path === '' ? key : `${path}.${key}`))
}
