import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { VERBS } from '../../src/cli/verbs.ts'
import { parseEngineOptions, type RawEngineOptions } from '../../src/engine/options.ts'
import { parseConvertOptions } from '../../src/formats/options.ts'
import { parseAdminOptions, type RawAdminOptions } from '../../src/live/admin-options.ts'
import { parseLiveOptions } from '../../src/live/run-view.ts'
import { parseRecordOptions } from '../../src/record/options.ts'
import type { RawRecordOptions } from '../../src/record/record-flags.ts'
import { parseReplayOptions, type RawReplayOptions } from '../../src/replay/options.ts'
import { parseGate } from '../../src/report/gate.ts'
import { parseInspectOptions, type RawInspectOptions } from '../../src/report/inspect-options.ts'
import { parseReportOptions } from '../../src/report/report-options.ts'
import { parsePolicy, type RawScrubOptions } from '../../src/share/options.ts'
import { parseAbOptions, type RawAbOptions } from '../../src/study/ab-options.ts'
import { parseDoctorOptions } from '../../src/study/doctor-options.ts'
import { parseWatchOptions, type RawWatchOptions } from '../../src/study/watch-options.ts'
import { parseWorkloadOptions, type RawWorkloadOptions } from '../../src/workload/options.ts'
import {
  anchorsOf,
  codeSpans,
  deployCommands,
  linksIn,
  MARKDOWN_FILES,
  markdownCommands,
  shellWords,
} from '../support/documents.ts'
import { testWorld } from '../support/test-world.ts'

/** What each verb does with the texts of its flags before it does anything else. */
const VALUES: Readonly<Record<string, (raw: unknown) => unknown>> = {
  record(raw) {
    const { routes, directory } = parseRecordOptions(raw as RawRecordOptions)
    const ports = routes.map(({ listen }) => listen.port)
    return parseAdminOptions(raw as RawAdminOptions, directory, ports)
  },
  async replay(raw) {
    parseWorkloadOptions(raw as RawWorkloadOptions)
    parseReplayOptions(raw as RawReplayOptions)
    parseLiveOptions(raw as object)
    return parseWatchOptions(raw as RawWatchOptions, await parseReportOptions(raw as object))
  },
  plan: (raw) => parseWorkloadOptions(raw as RawWorkloadOptions),
  ab: (raw) => [
    parseAbOptions(raw as RawAbOptions),
    parseWorkloadOptions(raw as RawWorkloadOptions),
  ],
  report: (raw) => parseReportOptions(raw as object),
  compare: (raw) => (raw as { gate?: string[] }).gate?.map(parseGate),
  inspect: (raw) => parseInspectOptions(raw as RawInspectOptions),
  convert: (raw) => parseConvertOptions('in', 'out', raw as object),
  scrub: (raw) => parsePolicy(raw as RawScrubOptions),
  engine: (raw) => parseEngineOptions(raw as RawEngineOptions),
  doctor: (raw) => parseDoctorOptions(raw as object),
}

async function commandOf(verb: string): Promise<Command | null> {
  const entry = VERBS.find(({ name }) => name === verb)
  if (entry === undefined) return null
  const command = (await entry.load())(testWorld().world, () => undefined)
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
  }
  return command
}

/** @returns what is wrong with the words; null where the verb would begin its work */
async function fault(words: readonly string[]): Promise<string | null> {
  const [verb = '', ...rest] = words
  const command = await commandOf(verb)
  if (command === null) return `no verb ${verb}`
  const raws: unknown[] = []
  for (const each of [command, ...command.commands]) {
    if (each.commands.length === 0) each.action(() => void raws.push(each.opts()))
  }
  try {
    await command.parseAsync(rest, { from: 'user' })
    for (const raw of raws) await VALUES[verb]?.(raw)
    return null
  } catch (error) {
    const isHelp = (error as { code?: string }).code === 'commander.helpDisplayed'
    return isHelp ? null : (error as Error).message
  }
}

/** Lines that show a form, not a command. */
const isForm = (words: readonly string[]) => words.some((word) => /^(?:VERB|…)$/.test(word))

test('every command line in the documents and under deploy/ is one that the program takes', async () => {
  const commands = [...MARKDOWN_FILES.flatMap(markdownCommands), ...deployCommands()]
  const faults: string[] = []
  for (const { place, words } of commands) {
    if (isForm(words)) continue
    const wrong = await fault(words)
    if (wrong !== null) faults.push(`${place} trace ${words.join(' ')}: ${wrong}`)
  }
  expect(faults).toEqual([])
  const files = new Set(commands.map(({ place }) => place.replace(/:\d+$/, '')))
  expect([...files]).toEqual(
    expect.arrayContaining([
      'README.md',
      'traces/README.md',
      'docs/formats.md',
      'docs/workload.md',
      'deploy/Dockerfile',
      'deploy/trace-record.service',
      'deploy/kubernetes-sidecar.yaml',
      'deploy/kubernetes-deployment.yaml',
      'deploy/gitlab/replay.gitlab-ci.yml',
      'deploy/github-action/action.yml',
    ]),
  )
})

test('a wrong flag, a wrong value and a wrong verb in a document would be found', async () => {
  const wrong = async (line: string) => await fault(shellWords(line))
  expect(await wrong('replay prod/ --target http://a:1 --sped 2x')).toContain("'--sped'")
  expect(await wrong('replay prod/ --target http://a:1 --speed fast')).toContain('--speed')
  expect(await wrong('report run.sqlite --slo "ttft.p99 is low"')).toContain('--slo')
  expect(await wrong('inspct prod/')).toBe('no verb inspct')
  expect(await wrong('inspect')).toContain('missing required argument')
})

/** Flags of vLLM's server and of its bench. */
const FOREIGN = new Set([
  '--dataset-name',
  '--enable-per-request-metrics',
  '--otlp-traces-endpoint',
  '--save-detailed',
  '--timed-trace-chunk-hash-size',
  '--timed-trace-sec-multiplier',
])

test('every flag that the documents name is one of the verb that they name it for', async () => {
  const flagsOf = new Map<string, Set<string>>()
  for (const { name } of VERBS) {
    const command = await commandOf(name)
    const options = [command, ...(command?.commands ?? [])].flatMap((each) => each?.options ?? [])
    flagsOf.set(name, new Set([...options.map(({ long }) => long ?? ''), '--help', '--config']))
  }
  const every = new Set([...flagsOf.values()].flatMap((flags) => [...flags]))
  const faults = MARKDOWN_FILES.flatMap(codeSpans).flatMap(({ place, span }) => {
    const [, verb = ''] = /^trace ([a-z]+)/.exec(span) ?? []
    if (verb === '' && !span.startsWith('--')) return []
    const flags = span.match(/(?<=^|[\s[])--[a-z][a-z-]*/g) ?? []
    const known = flagsOf.get(verb) ?? every
    return flags
      .filter((flag) => !known.has(flag) && !FOREIGN.has(flag))
      .map((flag) => `${place} ${flag}`)
  })
  expect(faults).toEqual([])
})

test('every link leads to a file and a heading, and every path that is named is there', () => {
  const faults: string[] = []
  for (const path of MARKDOWN_FILES) {
    for (const { place, target } of linksIn(path)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const found = file === '' ? path : normalize(join(dirname(path), file))
      const isThere = existsSync(found) && (anchor === undefined || anchorsOf(found).has(anchor))
      if (!isThere) faults.push(`${place} ${target}`)
    }
    for (const { place, span } of codeSpans(path)) {
      if (!/^(?:src|docs|deploy|test|traces|fixtures|bin)\/[\w./-]+\.\w+$/.test(span)) continue
      if (!existsSync(span)) faults.push(`${place} ${span}`)
    }
  }
  expect(faults).toEqual([])
})
