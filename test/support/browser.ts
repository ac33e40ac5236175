/** The system's own Chromium, quiet and headless, and what tests ask of it. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** undefined where there is none: tests of pages are skipped. */
export const browserPath = [
  process.env['TRACE_CHROMIUM'],
  '/usr/bin/chromium',
  ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'chromium')),
].find((path) => path !== undefined && existsSync(path))

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath!, args: QUIET })
}

export type View = Readonly<{
  name: string
  width: number
  colorScheme: 'light' | 'dark'
  media: 'screen' | 'print'
}>

export const LIGHT: View = { name: 'light', width: 1_100, colorScheme: 'light', media: 'screen' }

export const ON_SCREEN: readonly View[] = [
  LIGHT,
  { name: 'dark', width: 1_100, colorScheme: 'dark', media: 'screen' },
  { name: 'phone', width: 390, colorScheme: 'light', media: 'screen' },
  { name: 'phone at night', width: 390, colorScheme: 'dark', media: 'screen' },
]

/** @returns the page, and what it asked of the network or complained about */
export async function openPage(browser: Browser, address: string, view: View = LIGHT) {
  const page = await browser.newPage({ viewport: { width: view.width, height: 900 } })
  const requested: string[] = []
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.route('**/*', (route) => {
    requested.push(route.request().url())
    return route.continue()
  })
  await page.emulateMedia({ colorScheme: view.colorScheme, media: view.media })
  await page.goto(address)
  return { page, requested, complaints }
}

/** What a screen reader says of what has the focus. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement
    if (element === null || element === document.body) return ''
    return element.getAttribute('aria-label') ?? element.textContent.trim()
  })
}

/** For eyes: TRACE_SCREENSHOTS names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['TRACE_SCREENSHOTS']
  if (folder === undefined) return
  await page.screenshot({ path: join(folder, `${name.replaceAll(' ', '-')}.png`), fullPage: true })
}
