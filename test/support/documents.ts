/** What the documents show: command lines with their places, flags in prose, links and headings. */
import { readdirSync, readFileSync } from 'node:fs'
import { parseYamlDocuments } from '../../src/base/yaml.ts'

/** `place` is FILE:LINE, `words` what follows `trace`. */
export type CommandLine = Readonly<{ place: string; words: readonly string[] }>

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => `${folder}/${name}`)
    .toSorted()
}

export const MARKDOWN_FILES = [
  'README.md',
  'CHANGELOG.md',
  'src/README.md',
  'traces/README.md',
  ...filesBelow('docs', /\.md$/),
]

const DEPLOY_FILES = filesBelow('deploy', /\.(?:ya?ml|service|conf)$|Dockerfile$/)

/** What the jobs under `deploy/` are given by whoever includes them. */
const GIVEN: Readonly<Record<string, string>> = {
  TRACE_FILE: 'nightly.arrow',
  TARGET: 'http://127.0.0.1:8000',
  BASE_TARGET: 'http://127.0.0.1:8001',
}

const CALL = /(?:^|[\s|=/"])(?:trace|vllm-trace@[^\s"]*"?) ([a-z]+)(?= |$)(.*)$/

/** Command lines in the code blocks of a Markdown file, fenced or indented. */
export function markdownCommands(path: string): CommandLine[] {
  let isCode = false
  const code = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => {
      const isShown = isCode || /^ {4}(?:\$ )?trace /.test(line)
      if (!/^\s*```/.test(line)) return isShown ? line : ''
      isCode = !isCode
      return ''
    })
  return commandsIn(code, path, 1)
}

/** Command lines of units, images, jobs and pods. */
export function deployCommands(): CommandLine[] {
  return DEPLOY_FILES.flatMap((path) => {
    const text = readFileSync(path, 'utf8')
    if (/\.ya?ml$/.test(path)) {
      return parseYamlDocuments(text, path).flatMap((document) =>
        yamlCommands(document, text, path),
      )
    }
    return commandsIn(
      text
        .split('\n')
        .map((line) => (/^\s*#/.test(line) ? '' : line.replace(/^CMD (\[.*)/, asCall))),
      path,
      1,
    )
  })
}

/** An image's CMD goes to its ENTRYPOINT, which is `trace`. */
function asCall(_all: string, list: string): string {
  return `trace ${(JSON.parse(list) as string[]).join(' ')}`
}

function yamlCommands(node: unknown, text: string, path: string): CommandLine[] {
  if (typeof node === 'string') {
    const [first = ''] = node.split('\n')
    return commandsIn(node.split('\n'), path, lineOf(text, first.slice(0, 40)))
  }
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => {
    if (key === 'description') return []
    if (key !== 'args' || !Array.isArray(value)) return yamlCommands(value, text, path)
    const words = value.map(String)
    return /^[a-z]+$/.test(words[0] ?? '')
      ? [{ place: `${path}:${lineOf(text, 'args:')}`, words }]
      : []
  })
}

function lineOf(text: string, piece: string): number {
  return text.slice(0, text.indexOf(piece)).split('\n').length
}

function commandsIn(lines: readonly string[], path: string, firstLine: number): CommandLine[] {
  const commands: CommandLine[] = []
  for (let index = 0; index < lines.length; index++) {
    const at = index
    let line = lines[index] ?? ''
    while (line.endsWith('\\')) line = `${line.slice(0, -1)} ${lines[(index += 1)]?.trim() ?? ''}`
    const [, verb, rest = ''] = CALL.exec(line) ?? []
    if (verb === undefined) continue
    commands.push({ place: `${path}:${firstLine + at}`, words: [verb, ...shellWords(rest)] })
  }
  return commands
}

/** As a shell splits it: quotes go, a comment goes, and so does what a pipe or `>` leads to. */
export function shellWords(line: string): string[] {
  const words: string[] = []
  for (const [, single, double, plain] of line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)) {
    if (plain !== undefined && /^(?:#|[|>&])/.test(plain)) break
    const word = single ?? (double ?? plain ?? '').replaceAll(/\$(\w+)|\$\{[^}]*\}/g, given)
    if (word !== '') words.push(word)
  }
  return words
}

function given(_all: string, name: string | undefined): string {
  return GIVEN[name ?? ''] ?? ''
}

/** Text between backquotes outside code blocks, with its place. */
export function codeSpans(path: string): { place: string; span: string }[] {
  const prose = readFileSync(path, 'utf8').replaceAll(/^\s*```[^]*?^\s*```/gm, (block) =>
    block.replaceAll(/[^\n]/g, ''),
  )
  return [...prose.matchAll(/`([^`]+)`/g)].map(({ 1: span = '', index }) => ({
    place: `${path}:${prose.slice(0, index).split('\n').length}`,
    span: span.replaceAll('\n', ' '),
  }))
}

export function linksIn(path: string): { place: string; target: string }[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/\]\(([^)\s]+)\)/g)].map(({ 1: target = '' }) => ({
        place: `${path}:${index + 1}`,
        target,
      })),
    )
}

/** Names of a Markdown file's headings, as GitHub makes them. */
export function anchorsOf(path: string): Set<string> {
  const headings = readFileSync(path, 'utf8').matchAll(/^#{1,6} (.+)$/gm)
  return new Set(
    [...headings].map(({ 1: heading = '' }) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}
