/** Where a report goes beside the terminal: files opened before the work begins. Effects: writes files. */
import { TraceError } from '../base/errors.ts'
import {
  createWhole,
  fileSize,
  isFolder,
  readIfThere,
  type WholeFile,
  writeWhole,
} from '../base/files.ts'
import type { World, Writer } from '../base/world.ts'
import { containerByContent } from '../trace/open.ts'

export const OUTPUT_FLAGS = {
  jsonFile: { flags: '--json-file <file>', description: 'the whole document as JSON' },
  html: { flags: '--html <file>', description: 'one page with pictures, no network' },
  markdown: { flags: '--markdown <file>', description: 'for a pull request' },
  junit: { flags: '--junit <file>', description: 'checks, objectives and gates for CI' },
  csv: { flags: '--csv <file>', description: 'the numbers as a table' },
} as const

export type OutputName = keyof typeof OUTPUT_FLAGS
type Output = Readonly<{ path: string; file: WholeFile }>

export type RawOutputs = Partial<Record<OutputName, string>>

/** One text for each form; made only where it was asked for. */
export type Renderings = Readonly<Partial<Record<OutputName, () => string | Promise<string>>>>

/** Files that a command will fill; a folder that cannot be written stops it before it begins. */
export class Outputs {
  readonly #files: ReadonlyMap<OutputName, Output>

  private constructor(files: ReadonlyMap<OutputName, Output>) {
    this.#files = files
  }

  static async open(raw: RawOutputs): Promise<Outputs> {
    const files = new Map<OutputName, Output>()
    const outputs = new Outputs(files)
    try {
      for (const name of Object.keys(OUTPUT_FLAGS) as OutputName[]) {
        const path = raw[name]
        if (path === undefined) continue
        await refuseTrace(OUTPUT_FLAGS[name].flags.split(' ')[0] ?? name, path)
        files.set(name, { path, file: await createWhole(path) })
      }
    } catch (error) {
      await outputs.abandon()
      throw error
    }
    return outputs
  }

  /**
   * JSON first; everything else is derived from the same document.
   *
   * @param talk is told which files there are now
   */
  async write(renderings: Renderings, talk: Writer): Promise<void> {
    const paths: string[] = []
    for (const [name, { path, file }] of this.#files) {
      const render = renderings[name]
      if (render === undefined) await file.abandon()
      else {
        await file.write(Buffer.from(await render()))
        await file.finish()
        paths.push(path)
      }
    }
    if (paths.length > 0) talk.write(writtenText(paths))
  }

  async abandon(): Promise<void> {
    for (const { file } of this.#files.values()) await file.abandon()
  }
}

export function writtenText(paths: readonly string[]): string {
  return `written  ${paths.join(' · ')}\n`
}

/** An earlier report is replaced; a trace is not, whose name may stand there by mistake. */
async function refuseTrace(flag: string, path: string): Promise<void> {
  const isFile = ((await fileSize(path)) ?? 0) > 0 && !(await isFolder(path))
  if (!isFile || containerByContent(path) === null) return
  throw new TraceError('BAD_OPTION', `${flag}: ${path} is a trace, and would be replaced`)
}

/** GitHub's limit for a step is 1 MiB; a summary this long is not read anyway. */
const MAX_SUMMARY_CHARS = 65_536

/** In a GitHub job: the summary page, annotations for what is wrong, and outputs for later steps. */
export async function tellGithub(
  world: World,
  facts: Readonly<{
    markdown: string
    problems: readonly string[]
    outputs: Record<string, string>
  }>,
): Promise<void> {
  if (world.env['GITHUB_ACTIONS'] !== 'true') return
  await append(world.env['GITHUB_STEP_SUMMARY'], facts.markdown.slice(0, MAX_SUMMARY_CHARS))
  const lines = Object.entries(facts.outputs).map(([name, value]) => `${name}=${value}\n`)
  await append(world.env['GITHUB_OUTPUT'], lines.join(''))
  for (const problem of facts.problems) {
    world.stderr.write(`::error title=trace::${problem.replaceAll(/[\r\n%]/g, ' ')}\n`)
  }
}

async function append(path: string | undefined, text: string): Promise<void> {
  if (path === undefined || path === '') return
  await writeWhole(path, `${(await readIfThere(path)) ?? ''}${text}`)
}
