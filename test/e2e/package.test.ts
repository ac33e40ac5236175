/** The published package, as a user installs it: built, packed, without development or optional parts. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'trace-package-'))
const trace = (...words: string[]) =>
  spawnSync(process.execPath, [join(folder, 'node_modules/vllm-trace/bin/trace.js'), ...words], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 100_000,
  })

beforeAll(() => {
  const npm = (words: string[], cwd: string) => execFileSync('npm', words, { cwd, stdio: 'pipe' })
  npm(['pack', '--silent', '--pack-destination', folder], '.')
  const [tarball = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'))
  writeFileSync(join(folder, 'package.json'), '{"name":"user","private":true}')
  npm(['install', '--silent', '--omit=dev', '--omit=optional', `./${tarball}`], folder)
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the package holds the build and no sources, tests or traces', () => {
  const root = readdirSync(join(folder, 'node_modules/vllm-trace')).toSorted()
  expect(root).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'package.json'])
})

test('the demo runs from the installed package, with every worker started', () => {
  const { status, stdout, stderr } = trace('demo', '--duration', '4s')
  expect({ status, stderr: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, stderr: '' })
}, 120_000)
