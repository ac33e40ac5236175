/** The pages that follow a run or a recorder as they go, in a real browser. */
import { execFileSync, type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  browserPath,
  focused,
  launchBrowser,
  ON_SCREEN,
  openPage,
  picture,
} from '../support/browser.ts'
import { pageFacts } from '../support/page-facts.ts'
import { writePageRun } from '../support/page-run.ts'
import { answers, until } from '../support/readiness.ts'
import { scratchFolder } from '../support/scratch.ts'
import { freePort } from '../support/wire.ts'

const program = resolve('bin/trace.js')
const file = scratchFolder()

function start(...words: string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.resume()
  return child
}

describe.skipIf(browserPath === undefined)('live pages in a browser (needs chromium)', () => {
  let browser: Browser | undefined
  let engine: ChildProcess | undefined
  let target: string

  beforeAll(async () => {
    await writePageRun(file('recorded.arrow'), 400)
    const place = `127.0.0.1:${await freePort()}`
    target = `http://${place}`
    engine = start('engine', '--listen', place, '--profile', 'steady-20ms')
    browser = await launchBrowser()
    await until(() => answers(`${target}/health`), engine)
  })

  afterAll(async () => {
    engine?.kill()
    await browser?.close()
  })

  test('the live page follows a replay, and its button ends the run with what it has', async () => {
    const place = `127.0.0.1:${await freePort()}`
    const replay = ['replay', file('recorded.arrow'), '--target', target, '--map-model=*=steady']
    const live = ['--speed=0.1x', '--out', file('part.arrow'), `--dashboard=${place}`]
    const run = start(...replay, ...live)
    await until(() => answers(`http://${place}/`), run)
    const { page, requested, complaints } = await openPage(browser!, `http://${place}/`)
    await page.locator('svg').nth(5).waitFor()
    await picture(page, 'dashboard wide')
    for (const view of ON_SCREEN) {
      await page.setViewportSize({ width: view.width, height: 900 })
      await page.emulateMedia({ colorScheme: view.colorScheme })
      const facts = await page.evaluate(pageFacts)
      expect(facts.faint).toEqual([])
      expect(facts).toMatchObject({ sideways: 0, namelessPictures: 0, mains: 1 })
      // The server's own two come with its first scrape.
      expect(facts.pictures).toBeGreaterThanOrEqual(6)
    }
    expect(await page.locator('#line').innerText()).toMatch(/sent \d+/)
    await picture(page, 'dashboard')
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('Stop the run, keep its result')
    await page.keyboard.press('Enter')
    const [code] = (await once(run, 'exit')) as [number]
    expect(code).toBe(130)
    expect(await page.getByRole('status').innerText()).toBe('The run is over.')
    expect(await page.getByRole('button').isDisabled()).toBe(true)
    expect(new Set(requested.map((url) => new URL(url).host))).toEqual(new Set([place]))
    expect(complaints).toEqual([])
    const words = [program, 'inspect', file('part.arrow'), '--json']
    const part = JSON.parse(
      execFileSync(process.execPath, words, { encoding: 'utf8', stdio: 'pipe' }),
    ) as Inspected
    expect(part.arrivals.n).toBeGreaterThan(0)
    expect(part.arrivals.n).toBeLessThan(400)
    await page.close()
  })

  test('the page of a recorder follows it, and only who has the token can switch it off', async () => {
    const [port, admin] = [await freePort(), `127.0.0.1:${await freePort()}`]
    const listen = ['--listen', `127.0.0.1:${port}`, '--admin-listen', admin]
    const recorder = start('record', '--upstream', target, '--out', file('prod'), ...listen)
    await until(() => answers(`http://${admin}/`), recorder)
    const ask = async (tokens: number) => {
      const body = { model: 'steady', prompt: 'a word or two', max_tokens: tokens, stream: true }
      return fetch(`http://127.0.0.1:${port}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    }
    const sent = ask(200)
    const { page, requested, complaints } = await openPage(browser!, `http://${admin}/`)
    await page.getByText('Added to a chunk by the relay').waitFor()
    // What an answer tells is known at its end.
    await (await ask(2)).text()
    await page.getByText('Time to first token').waitFor()
    for (const view of ON_SCREEN) {
      await page.setViewportSize({ width: view.width, height: 900 })
      await page.emulateMedia({ colorScheme: view.colorScheme })
      const facts = await page.evaluate(pageFacts)
      expect(facts.faint).toEqual([])
      expect(facts).toMatchObject({ sideways: 0, namelessPictures: 0, mains: 1, pictures: 6 })
      await picture(page, `recorder ${view.name}`)
    }
    const said = page.getByRole('status')
    const token = page.getByLabel('Token', { exact: true })
    const off = page.getByRole('button', { name: 'Stop recording, let traffic pass' })
    await token.fill('a guess')
    await off.click()
    await expect.poll(() => said.innerText()).toContain('NAME.admin-token')
    await token.fill(readFileSync(file('prod.admin-token'), 'utf8'))
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('Stop recording, let traffic pass')
    await page.keyboard.press('Enter')
    await expect.poll(() => said.innerText()).toBe('Not recording; traffic passes.')
    await page.getByText('NOT RECORDING').waitFor()
    await page.getByRole('button', { name: 'Record again' }).click()
    await expect.poll(() => said.innerText()).toBe('Recording.')
    expect((await (await sent).text()).length).toBeGreaterThan(0)
    recorder.kill('SIGINT')
    await once(recorder, 'exit')
    expect(await said.innerText()).toBe('The recorder has ended.')
    expect(new Set(requested.map((url) => new URL(url).host))).toEqual(new Set([admin]))
    // The refused guess is what the browser itself complains of.
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([])
    await page.close()
  })
})

type Inspected = Readonly<{ arrivals: { n: number } }>
