/** Every page in a real browser: what a reader sees, in light, dark, print and on a phone. */
import { execFileSync, type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatDuration, formatShare } from '../../src/base/format.ts'
import {
  browserPath,
  focused,
  launchBrowser,
  ON_SCREEN,
  openPage,
  picture,
  type View,
} from '../support/browser.ts'
import { pageFacts } from '../support/page-facts.ts'
import { HOSTILE_NAME, writePageRun, writeReplayedRun } from '../support/page-run.ts'
import { answers, until } from '../support/readiness.ts'
import { scratchFolder } from '../support/scratch.ts'
import { freePort } from '../support/wire.ts'

const program = resolve('bin/trace.js')

/** Each with the sections that it has at least. */
const PAGES = { report: 9, inspect: 5, card: 5, plan: 3, compare: 1, history: 4 } as const
/** The others are made of the same parts: seen in the dark only. */
const FULLY = new Set<string>(['report', 'inspect', 'plan'])
const VIEWS: readonly View[] = [
  ...ON_SCREEN,
  // The width of A4 inside its margins; some browsers keep the dark scheme when they print.
  { name: 'print', width: 720, colorScheme: 'light', media: 'print' },
  { name: 'print at night', width: 720, colorScheme: 'dark', media: 'print' },
]

const file = scratchFolder()

function trace(words: readonly string[]): string {
  return execFileSync(process.execPath, [program, ...words], { encoding: 'utf8', stdio: 'pipe' })
}

/** For answers other than 0: what a busy machine measured is not the point here. */
async function runTrace(words: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [program, ...words], { stdio: 'ignore' })
  await once(child, 'exit')
}

describe.skipIf(browserPath === undefined)('pages in a browser (needs chromium)', () => {
  let browser: Browser | undefined
  let engine: ChildProcess | undefined
  let target: string

  beforeAll(async () => {
    await writePageRun(file('recorded.arrow'), 400)
    const port = await freePort()
    target = `http://127.0.0.1:${port}`
    engine = spawn(
      process.execPath,
      [program, 'engine', '--listen', `127.0.0.1:${port}`, '--profile', 'steady-20ms'],
      { stdio: 'ignore' },
    )
    browser = await launchBrowser()
    await until(() => answers(`${target}/health`), engine)
    const replay = ['replay', file('recorded.arrow'), '--target', target, '--map-model=*=steady']
    await runTrace([...replay, '--out', file('run.arrow')])
    const against = ['report', file('run.arrow'), '--against', file('recorded.arrow')]
    const outputs = ['--html', file('report.html'), '--json-file', file('report.json')]
    outputs.push('--junit', file('report.xml'))
    await runTrace([...against, '--slo=ttft.p95<500ms', ...outputs])
    trace(['inspect', file('recorded.arrow'), '--cache-size=1M', '--html', file('inspect.html')])
    trace(['plan', file('recorded.arrow'), '--speed=2x', '--html', file('plan.html')])
    await runTrace([
      'compare',
      file('run.arrow'),
      'vs',
      file('run.arrow'),
      '--html',
      file('compare.html'),
    ])
    mkdirSync(file('runs'))
    for (const name of ['a', 'b', 'c']) await writeReplayedRun(file(`runs/${name}.arrow`), name)
    trace(['history', file('runs'), '--html', file('history.html')])
    trace(['card', file('recorded.arrow'), '--html', file('card.html')])
  })

  afterAll(async () => {
    engine?.kill()
    await browser?.close()
  })

  const open = (address: string, view?: View) => openPage(browser!, address, view)
  const addressOf = (name: string) => pathToFileURL(file(`${name}.html`)).href

  test.each(
    Object.entries(PAGES).flatMap(([name, sections]) =>
      VIEWS.filter(
        ({ name: view }) => FULLY.has(name) || view.endsWith('dark') || view.endsWith('night'),
      ).map((view) => [name, view.name, view, sections] as const),
    ),
  )(
    '%s, %s: legible, nothing sideways, nothing lost, nothing fetched',
    async (name, _, view, sections) => {
      const { page, requested, complaints } = await open(addressOf(name), view)
      const facts = await page.evaluate(pageFacts)
      expect(complaints).toEqual([])
      expect(requested).toEqual([addressOf(name)])
      expect(facts.textCount).toBeGreaterThan(20)
      expect(facts.faint).toEqual([])
      expect(facts.sideways).toBe(0)
      expect(facts.hiddenSections).toBe(0)
      expect(facts.sections.length).toBeGreaterThanOrEqual(sections)
      // On a phone a wide table scrolls inside its own frame; elsewhere it must fit.
      expect(view.width === 390 ? [] : facts.scrolling).toEqual([])
      const isWhite = view.media === 'print' || view.colorScheme === 'light'
      expect(facts.background === 'rgb(255, 255, 255)').toBe(isWhite)
      await picture(page, `${name} ${view.name}`)
      await page.close()
    },
  )

  test.each(Object.keys(PAGES))('%s: can be used by ear and by keyboard', async (name) => {
    const { page } = await open(addressOf(name))
    const facts = await page.evaluate(pageFacts)
    expect(facts).toMatchObject({ language: 'en', mains: 1, namelessPictures: 0, images: 0 })
    expect(facts).toMatchObject({ tablesWithoutHead: 0, namelessHeads: 0, namelessStops: 0 })
    expect(facts.pictures).toBeGreaterThan(3)
    expect(facts.headings[0]).toBe(1)
    expect(
      facts.headings.slice(1).every((level, at, all) => level <= (at === 0 ? 2 : all[at - 1]! + 1)),
    ).toBe(true)
    expect(await page.title()).toMatch(/trace (?:report|inspect|plan|compare|history|card)$/)
    const names: string[] = []
    for (let stop = 0; stop < facts.tables; stop += 1) {
      await page.keyboard.press('Tab')
      names.push(await focused(page))
    }
    expect(new Set(names).size).toBe(facts.tables)
    expect(names).not.toContain('')
    await page.close()
  })

  test('the verdict is the first thing under the title, the decision the next', async () => {
    const { page } = await open(addressOf('report'))
    const { verdict } = JSON.parse(readFileSync(file('report.json'), 'utf8')) as Report
    const boxes = page.locator('h1 ~ *')
    expect(await boxes.nth(0).getByText(verdict.status, { exact: true }).isVisible()).toBe(true)
    expect(await boxes.nth(0).getAttribute('aria-label')).toBe('Verdict')
    expect(await boxes.nth(1).getAttribute('aria-label')).toBe('Objectives')
    const box = await boxes.nth(0).boundingBox()
    expect(box!.y).toBeLessThan(120)
    await page.close()
  })

  test('the numbers shown are those of the JSON document', async () => {
    const { page } = await open(addressOf('report'))
    const { side, verdict } = JSON.parse(readFileSync(file('report.json'), 'utf8')) as Report
    const row = (region: string, head: string) =>
      page.getByRole('region', { name: region }).getByRole('row', { name: head }).first()
    const cells = await row('Latencies', 'TTFT from due').getByRole('cell').allInnerTexts()
    const { n, mean, p50, p95 } = side.metrics.ttft_due
    expect(cells[0]).toBe(String(n))
    expect(cells[1]).toBe(formatDuration(mean))
    expect(cells[2]).toMatch(start(formatDuration(p50.value)))
    expect(cells[4]).toMatch(start(formatDuration(p95.value)))
    const { ok, total, not_sent: notSent } = side.requests
    const cards = await page.locator('.cards > div').allInnerTexts()
    expect(cards[0]).toContain(formatShare(ok / (total - notSent)))
    expect(cards[1]).toContain(formatDuration(p50.value))
    const [title, server] = (await page.locator('h1').innerText()).split('\n')
    expect(title).toBe(`Replay of ${total} requests`)
    expect(server).toMatch(/^vllm .* requests\/s · over /)
    const blind = verdict.checks.filter(({ status }) => status === 'unmeasured')
    const names = blind.map(({ name }) => name.replaceAll('_', ' ')).join(', ')
    expect(await page.getByText(`Nothing to measure: ${names}.`).count()).toBe(1)
    for (const { name, says } of verdict.checks.filter((check) => !blind.includes(check))) {
      const found = page.getByRole('row').filter({
        has: page.getByRole('rowheader', { name: name.replaceAll('_', ' '), exact: true }),
      })
      expect(await found.first().innerText()).toContain(says)
    }
    await page.close()
  })

  test('the JUnit file is XML to an XML parser, hostile names and all', async () => {
    const page = await browser!.newPage()
    const cases = await page.evaluate(
      (xml) => {
        const { documentElement: root } = new DOMParser().parseFromString(xml, 'application/xml')
        const parsed = root.querySelector('parsererror')
        return parsed === null ? root.querySelectorAll('testcase').length : parsed.textContent
      },
      readFileSync(file('report.xml'), 'utf8'),
    )
    const { verdict } = JSON.parse(readFileSync(file('report.json'), 'utf8')) as Report
    expect(cases).toBe(verdict.checks.length + 1)
    await page.close()
  })

  test.each(['report', 'inspect', 'card'])(
    '%s: markup in a name of the trace stays text',
    async (name) => {
      const { page, complaints } = await open(addressOf(name))
      expect(await page.getByText(HOSTILE_NAME).first().isVisible()).toBe(true)
      expect(await page.locator('img').count()).toBe(0)
      expect(complaints).toEqual([])
      await page.close()
    },
  )
})

type Figure = Readonly<{ value: number }>
type Report = Readonly<{
  verdict: { status: string; checks: readonly { name: string; status: string; says: string }[] }
  side: {
    requests: { ok: number; total: number; not_sent: number }
    metrics: { ttft_due: { n: number; mean: number; p50: Figure; p95: Figure } }
  }
}>

function start(text: string): RegExp {
  return new RegExp(`^${text.replaceAll('.', '\\.')}(?: |$)`)
}
