#!/usr/bin/env node
// Plain JavaScript, so that a Node too old for the rest can hand over to a newer one or say so.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const OLDEST_MAJOR = 24
const [major = 0] = process.versions.node.split('.').map(Number)
const local = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
const built = new URL('../dist/cli/start.js', import.meta.url)
const source = new URL('../src/cli/start.ts', import.meta.url)
const cache = fileURLToPath(new URL('../node_modules/.cache/trace', import.meta.url))

if (major >= OLDEST_MAJOR) {
  // A start takes a third of the time. Not in the system's temporary folder, where others could leave
  // code for us to run. Threads take the folder from the environment.
  process.env['NODE_COMPILE_CACHE'] ??= cache
  module.enableCompileCache(cache)
  await import((existsSync(source) ? source : built).href)
} else if (existsSync(local)) {
  handOver(local)
} else {
  process.stderr.write(
    `trace: this is Node ${process.version}, and it needs Node ${OLDEST_MAJOR} or newer\n` +
      '  Install a newer Node, or run it from a checkout after `npm ci`, which brings one.\n',
  )
  process.exitCode = 2
}

/**
 * Runs the same command line under a newer Node, with the terminal, signals and exit code passed on.
 * @param {string} node
 */
function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TRACE_HANDED_OVER: '1' },
  })
  // A terminal's Ctrl-C reaches both; the child takes two of one kind within a moment as one.
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'])) {
    process.on(name, () => child.kill(name))
  }
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
  })
}
