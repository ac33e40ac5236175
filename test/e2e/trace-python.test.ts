/** The promise that others can read our files: pyarrow, pandas, polars and DuckDB, where they are. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { diffTraces } from '../../src/trace/diff.ts'
import { openTrace } from '../../src/trace/open.ts'
import { scratchFolder } from '../support/scratch.ts'
import { writeTables } from '../support/write-tables.ts'

const PYTHON = process.env['TRACE_PYTHON'] ?? 'python3'
const scratch = scratchFolder()
const path = scratch('demo.arrow')

function python(code: string, ...modules: string[]) {
  const names = modules.map((name) => `import ${name}`).join('\n')
  const env = { ...process.env, TRACE_FILE: path }
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', `${names}\n${code}`], {
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const hasAll = python('', 'pyarrow.dataset', 'pandas', 'polars', 'duckdb').status === 0
const NEEDS = 'needs Python with pyarrow, pandas, polars and duckdb'

const request = Array.from({ length: 70_000 }, (_, seq) => ({
  seq,
  atUs: seq * 10_000,
  endpoint: 'chat',
  stream: seq % 2 === 0,
  model: seq % 3 === 0 ? 'größer' : 'm',
  tenant: `t${seq % 5}`,
  promptTokens: 100 + (seq % 50),
  outputTokens: seq % 7 === 0 ? null : 20,
  prefixLeaf: 2n ** 64n - 1n,
  ttftUs: 20_000 + (seq % 100),
  outcome: 'ok',
  chunkTimes: encodeChunkTimes([20_000, 40_000, 60_000 + (seq % 9)]),
}))
const block = [{ id: 2n ** 64n - 1n, parent: null, tokens: 16 }]
const sample = Array.from({ length: 40_000 }, (_, index) => ({
  atUs: index,
  metric: 'vllm:num_requests_running',
  labels: '{"engine":"0"}',
  value: index / 2,
}))

test.skipIf(!hasAll)(
  `pyarrow takes the file as sound, every type as it should be (${NEEDS})`,
  async () => {
    await writeTables(path, { request, block, sample })
    const { stdout, stderr } = python(
      `
import os
import pyarrow as pa
table = pa.ipc.open_file(os.environ["TRACE_FILE"]).read_all()
table.validate(full=True)
types = {field.name: str(field.type) for field in table.schema}
print(table.num_rows, types["at_us"], types["stream"], types["prefix_leaf"], types["model"], types["chunk_times"])
print(sum(table["prompt_tokens"].to_pylist()), table["output_tokens"].null_count)
print(table["prefix_leaf"][0], table["model"][0], table["stream"][1])
print(table.schema.field("ttft_us").metadata[b"unit"].decode())
`,
      'pyarrow',
    )
    expect(stderr).toBe('')
    const prompts = request.reduce((sum, { promptTokens }) => sum + promptTokens, 0)
    expect(stdout.trim().split('\n')).toEqual([
      '70000 int64 bool uint64 string binary',
      `${prompts} 10000`,
      '18446744073709551615 größer False',
      'us',
    ])
  },
)

test.skipIf(!hasAll)(`what pyarrow writes with zstd is read back here (${NEEDS})`, async () => {
  const { stderr } = python(
    `
import os
import pyarrow as pa
table = pa.ipc.open_file(os.environ["TRACE_FILE"]).read_all()
options = pa.ipc.IpcWriteOptions(compression="zstd")
with pa.ipc.new_file(os.environ["TRACE_FILE"] + ".again", table.schema, options=options) as file:
    file.write_table(table)
`,
    'pyarrow',
  )
  expect(stderr).toBe('')
  const [ours, theirs] = await Promise.all([openTrace(path), openTrace(`${path}.again`)])
  const difference = await diffTraces(ours, theirs)
  expect(difference).toMatchObject({ leftCount: 70_000, rightCount: 70_000, changed: 0 })
  // The end mark stands in a batch's own metadata, which a table does not keep.
  expect(theirs.isComplete).toBe(false)
  await Promise.all([ours.close(), theirs.close()])
})

/** The code cells of a notebook, as Jupyter would run them. */
function codeOf(name: string): string {
  const notebook = JSON.parse(readFileSync(`docs/notebooks/${name}.ipynb`, 'utf8')) as {
    cells: { cell_type: string; source: string[] }[]
  }
  const cells = notebook.cells.filter(({ cell_type: kind }) => kind === 'code')
  return cells.map(({ source }) => source.join('')).join('\n')
}

test.skipIf(!hasAll).each([
  ['pandas', ['rows 70000', 'inter-chunk p50 20.0', 'kind synthetic digest']],
  ['polars', ['rows 70000', 'größer', 'coefficient of variation 0.0']],
  ['duckdb', ['rows 70000', 'ttft_p99_ms', 't4']],
])(`the notebook docs/notebooks/%s.ipynb runs from top to bottom (${NEEDS})`, (name, words) => {
  const { stdout, stderr, status } = python(codeOf(name))
  expect(stderr).not.toContain('Error')
  expect(status).toBe(0)
  for (const word of words) expect(stdout).toContain(word)
})
