/** A plan row by row as CSV, for a spreadsheet or another tool. Pure. */
import { ABORT_BY_TIME, ABORT_BY_TOKENS, NONE, type Plan } from './plan.ts'

const ROWS_A_PART = 8_192

const HEAD =
  'due_us,source_seq,copy,session,parent_row,think_us,endpoint,model,tenant,stream,' +
  'prompt_tokens,output_tokens,prefix_leaf,abort_us,abort_tokens\n'

/** The head and then the rows in sending order, some thousand at a time. */
export function* planCsv(plan: Plan): Generator<string> {
  yield HEAD
  for (let first = 0; first < plan.count; first += ROWS_A_PART) {
    const lines: string[] = []
    for (let row = first; row < Math.min(plan.count, first + ROWS_A_PART); row += 1) {
      lines.push(`${cellsOf(plan, row).join(',')}\n`)
    }
    yield lines.join('')
  }
}

function cellsOf({ columns, shapes, sessions, blocks }: Plan, row: number): (string | number)[] {
  const shape = shapes[columns.shape[row]!]!
  const flags = columns.flags[row]!
  const session = columns.session[row]!
  const parent = columns.parent[row]!
  const leaf = columns.leaf[row]!
  return [
    columns.dueUs[row]!,
    columns.seq[row]!,
    columns.copy[row]!,
    session === NONE ? '' : quoted(sessions[session]!),
    parent === NONE ? '' : parent,
    columns.thinkUs[row]!,
    shape.endpoint,
    quoted(shape.model ?? ''),
    quoted(shape.tenant ?? ''),
    shape.isStream ? 1 : 0,
    columns.promptTokens[row]!,
    columns.outputTokens[row]!,
    leaf === NONE ? '' : blocks.id[leaf]!.toString(16).padStart(16, '0'),
    (flags & ABORT_BY_TIME) > 0 ? columns.abortAt[row]! : '',
    (flags & ABORT_BY_TOKENS) > 0 ? columns.abortAt[row]! : '',
  ]
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
